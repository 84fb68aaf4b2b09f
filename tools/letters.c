/* letters: see letters.h. */
#include "letters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct slice key_of(const struct letter_place *p, char ret[96])
{
	int n = snprintf(ret, 96, "%s/%u@%lld", p->topic, p->partition, (long long)p->offset);

	return slice_of(ret, (size_t)MIN_OF(n, 95));
}

struct letter *letters_find(const struct letters *l, const struct letter_place *source)
{
	char key[96];

	return map_get(&l->index, key_of(source, key));
}

void letters_take(struct letters *l, const struct letter *letter)
{
	struct letter *kept;
	char key[96];

	if (letters_find(l, &letter->source))
		return;
	if (l->count >= LETTERS_MAX) {
		l->beyond++;
		return;
	}
	kept = malloc(sizeof(*kept));
	if (!kept)
		abort();
	*kept = *letter;
	kept->state = LETTER_OPEN;
	l->all = room_for_one(l->all, l->count, &l->cap, sizeof(*l->all));
	l->all[l->count++] = kept;
	l->open++;
	map_put(&l->index, key_of(&kept->source, key), kept);
}

static bool begins(const struct letters *l, const struct letter *t, const struct letter_acted *act)
{
	return act->act == LETTER_ACT_BEGUN && (t->state == LETTER_OPEN || l->lease_over ||
						act->at_ms >= t->acted_at_ms + LETTER_LEASE_MS);
}

void letters_acted(struct letters *l, const struct letter_acted *act)
{
	struct letter *t = letters_find(l, &act->source);
	struct letter_place first;

	if (!t || !letter_is_open(t) || (act->act == LETTER_ACT_BEGUN && !begins(l, t, act)))
		return;
	/* Who goes on looks from where the first one began: his record may stand there. */
	first = t->state == LETTER_RETRYING && act->act == LETTER_ACT_BEGUN ? t->sent : act->sent;
	t->sent = first;
	t->acted_at_ms = act->at_ms;
	t->act_offset = act->offset;
	snprintf(t->who, sizeof(t->who), "%s", act->who);
	if (act->act == LETTER_ACT_BEGUN) {
		t->state = LETTER_RETRYING;
		return;
	}
	t->state = act->act == LETTER_ACT_RETRIED ? LETTER_RETRIED : LETTER_DISCARDED;
	l->open--;
}

const struct letter *letters_oldest(const struct letters *l)
{
	const struct letter *oldest = NULL;

	for (size_t i = 0; l->open > 0 && i < l->count; i++) {
		const struct letter *t = l->all[i];

		if (letter_is_open(t) && (!oldest || t->at_ms < oldest->at_ms))
			oldest = t;
	}
	return oldest;
}

int64_t letters_oldest_ms(const struct letters *l)
{
	const struct letter *oldest = letters_oldest(l);

	return oldest ? oldest->at_ms : 0;
}

bool letter_place_parse(const char *text, struct letter_place *ret)
{
	const char *at = strrchr(text, '@'), *slash = strrchr(text, '/');
	struct letter_place p = {.partition = 0};
	char *end;

	if (!at || !slash || at < slash || slash == text ||
	    (size_t)(slash - text) >= sizeof(p.topic))
		return false;
	memcpy(p.topic, text, (size_t)(slash - text));
	p.partition = (uint32_t)strtoul(slash + 1, &end, 10);
	if (end != at || end == slash + 1)
		return false;
	p.offset = strtoll(at + 1, &end, 10);
	if (*end || end == at + 1 || p.offset < 0)
		return false;
	*ret = p;
	return true;
}

void letters_free(struct letters *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->all[i]);
	free(l->all);
	map_free(&l->index);
	*l = (struct letters){0};
}
