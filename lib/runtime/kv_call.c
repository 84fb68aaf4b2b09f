/* kv_call: see kv_call.h. */
#include "kv_call.h"

#include <stdlib.h>

void kv_words_add(struct kv_words *w, const void *data, size_t len)
{
	if (w->count == w->cap) {
		w->cap = MAX_OF((size_t)ROOM_LEAST, w->cap * 2);
		w->data = realloc(w->data, w->cap * sizeof(*w->data));
		w->len = realloc(w->len, w->cap * sizeof(*w->len));
		assert(w->data && w->len);
	}
	w->data[w->count] = data;
	w->len[w->count++] = len;
}

void kv_words_append(struct kv_words *to, const struct kv_words *from)
{
	size_t need = to->count + from->count;

	if (need > to->cap) {
		to->cap = MAX_OF(need, MAX_OF((size_t)ROOM_LEAST, to->cap * 2));
		to->data = realloc(to->data, to->cap * sizeof(*to->data));
		to->len = realloc(to->len, to->cap * sizeof(*to->len));
		assert(to->data && to->len);
	}
	if (from->count == 0)
		return;
	memcpy(to->data + to->count, from->data, from->count * sizeof(*to->data));
	memcpy(to->len + to->count, from->len, from->count * sizeof(*to->len));
	to->count = need;
}

size_t kv_words_begin(struct kv_words *w)
{
	kv_words_slice(w, (struct slice){0});
	return w->count - 1;
}

void kv_words_set(struct kv_words *w, size_t at, size_t n, struct arena *a)
{
	w->data[at] = arena_printf(a, "%zu", n);
	w->len[at] = strlen(w->data[at]);
}

void kv_words_end(struct kv_words *w, size_t begin, struct arena *a)
{
	kv_words_set(w, begin, w->count - begin - 1, a);
}

void kv_words_increment(struct kv_words *w, struct arena *a, const char *type, size_t index,
			unsigned by)
{
	kv_words_slice(w, SLICE("INCRBY"));
	kv_words_slice(w, slice_cstr(type));
	kv_words_slice(w, slice_cstr(arena_printf(a, "#%zu", index)));
	kv_words_slice(w, slice_cstr(arena_printf(a, "%u", by)));
}

static void words_free(struct kv_words *w)
{
	free(w->data);
	free(w->len);
}

/* The sections of all pages lie in one piece. */
static struct kv_section *sections_of(struct kv_call *c, size_t *ret_count)
{
	*ret_count = sizeof(c->sections) / sizeof(struct kv_section);
	return &c->sections[0][0][0];
}

void kv_call_reset(struct kv_call *c)
{
	size_t count;
	struct kv_section *all = sections_of(c, &count);

	for (size_t i = 0; i < count; i++)
		all[i].fields.count = all[i].more.count = 0;
	c->keys.count = c->args.count = c->whole.count = 0;
	c->buckets.count = c->leads.count = c->raises.count = c->shapes.count = 0;
	c->shape_of = NULL;
	c->claim_count = c->lead_count = c->trail_count = c->source_count = c->mark_count = 0;
	c->node = NULL;
	c->used = false;
	assert(!c->reply || c->good);
}

void kv_call_free(struct kv_call *c)
{
	size_t count;
	struct kv_section *all = sections_of(c, &count);

	for (size_t i = 0; i < count; i++) {
		words_free(&all[i].fields);
		words_free(&all[i].more);
	}
	words_free(&c->keys);
	words_free(&c->args);
	words_free(&c->whole);
	words_free(&c->buckets);
	words_free(&c->leads);
	words_free(&c->raises);
	words_free(&c->shapes);
	free(c->claims);
	free(c->trails);
	free(c->sources);
	free(c->marks);
}

void kv_call_send(struct kv_call *c, const struct kv_script *s, const struct kv_words *head,
		  struct arena *a)
{
	struct kv_words *w = &c->whole;

	w->count = 0;
	kv_words_slice(w, SLICE("EVALSHA"));
	kv_words_add(w, s->sha, KV_SHA_LEN);
	kv_words_slice(w, slice_cstr(arena_printf(a, "%zu", c->keys.count)));
	kv_words_append(w, &c->keys);
	kv_words_append(w, head);
	kv_words_append(w, &c->args);
	kv_net_ask(c->node, w->count, w->data, w->len);
}
