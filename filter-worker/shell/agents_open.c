/* agents_open: see agents_open.h. */
#include "agents_open.h"

#include <hs/hs.h>
#include <stdlib.h>

#include "base/arena.h"
#include "list_text.h"

struct opened {
	struct agents agents; /* first: what the caller holds */
	hs_database_t *patterns;
	hs_scratch_t *scratch;
	char hex[AGENTS_HASH_LEN + 1];
};
_Static_assert(AGENTS_HASH_LEN == LIST_HASH_LEN, "one kind of hash");

/* What is gathered before it is compiled. */
struct gathered {
	struct arena arena;
	struct list_hash hash;
	const char *texts[AGENTS_PATTERNS_MAX];
	unsigned flags[AGENTS_PATTERNS_MAX], kinds[AGENTS_PATTERNS_MAX];
	unsigned count;
};

static void gathered_free(struct gathered **g)
{
	arena_free(&(*g)->arena);
	free(*g);
}

static const char *add_pattern(void *to, struct slice line)
{
	struct gathered *g = to;
	enum agent_kind kind;
	size_t word = 0;

	while (word < line.len && line.data[word] != ' ' && line.data[word] != '\t')
		word++;
	if (word == line.len || !agent_kind_from_text(slice_of(line.data, word), &kind) ||
	    kind <= AGENT_BROWSER)
		return "expected a kind and an expression, like: automation HeadlessChrome";
	if (g->count == AGENTS_PATTERNS_MAX)
		return "too many expressions";

	g->texts[g->count] =
	    arena_cstr(&g->arena, slice_trim(slice_of(line.data + word, line.len - word)));
	g->flags[g->count] = HS_FLAG_SINGLEMATCH;
	g->kinds[g->count++] = kind;
	return NULL;
}

static enum result compile(struct opened *o, const struct gathered *g, struct error *ret_error)
{
	hs_compile_error_t *fault = NULL;

	if (hs_compile_multi(g->texts, g->flags, g->kinds, g->count, HS_MODE_BLOCK, NULL,
			     &o->patterns, &fault) != HS_SUCCESS) {
		(void)error_set(ret_error, RESULT_BAD, "user agents: %s: %s",
				fault->expression >= 0 ? g->texts[fault->expression] : "all",
				fault->message);
		hs_free_compile_error(fault);
		return RESULT_BAD;
	}
	if (hs_alloc_scratch(o->patterns, &o->scratch) != HS_SUCCESS)
		return error_set(ret_error, RESULT_BAD, "user agents: no memory to match in");
	o->agents = (struct agents){.patterns = o->patterns, .scratch = o->scratch};
	return RESULT_OK;
}

struct agents *agents_open(const char *patterns, const char *own, struct error *ret_error)
{
	_cleanup_(gathered_free) struct gathered *g = calloc(1, sizeof(*g));
	struct opened *o = calloc(1, sizeof(*o));

	assert(g && o);
	list_hash_begin(&g->hash);
	if ((patterns && list_text_read(patterns, &g->hash, add_pattern, g, ret_error)) ||
	    (own && list_text_read(own, &g->hash, add_pattern, g, ret_error)) ||
	    compile(o, g, ret_error) != RESULT_OK) {
		agents_close(&o->agents);
		return NULL;
	}
	list_hash_end(&g->hash, o->hex);
	return &o->agents;
}

void agents_close(struct agents *a)
{
	struct opened *o = (struct opened *)a;

	if (!o)
		return;
	hs_free_scratch(o->scratch);
	hs_free_database(o->patterns);
	free(o);
}

const char *agents_hash(const struct agents *a)
{
	return ((const struct opened *)a)->hex;
}
