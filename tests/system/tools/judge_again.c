/* judge-again: computes verdicts again from nothing but their records and the rule sets that they name.
 *
 *   judge-again RULES.yaml… < RECORDS
 *
 * RECORDS: for each JudgedLead four bytes of length, little-endian, then its bytes as they stood in leads.judged. Each is
 * unpacked, judged again from its recorded facts by the rule set of its hash, made a record again, packed, and compared byte
 * for byte. Prints one line of JSON; status 1 when a record differs or names none of the rule sets. */
#include <stdio.h>
#include <stdlib.h>

#include "filter-worker/core/record.h"
#include "filter-worker/shell/rules_file.h"

#define RULE_SETS_MAX    16
#define RECORD_MAX_BYTES (16 << 20)
#define SHOWN_MAX        5

enum outcome {
	SAME,
	OTHER_VERDICT,
	OTHER_REASONS,
	OTHER_REST,
	UNKNOWN_RULES,
	UNREADABLE,
	OUTCOMES
};
static const char *const outcome_names[OUTCOMES] = {
    [SAME] = "same",
    [OTHER_VERDICT] = "other_verdict",
    [OTHER_REASONS] = "other_reasons",
    [OTHER_REST] = "other_rest",
    [UNKNOWN_RULES] = "unknown_rules",
    [UNREADABLE] = "unreadable",
};

struct again {
	struct ruleset rules[RULE_SETS_MAX];
	size_t rule_sets;
	struct arena arena;
	struct buf raw, packed;
	size_t counts[OUTCOMES], records;
};

static const struct ruleset *rules_of(const struct again *a, const char *hash)
{
	for (size_t i = 0; i < a->rule_sets; i++) {
		if (strcmp(a->rules[i].hash, hash) == 0)
			return &a->rules[i];
	}
	return NULL;
}

/* What the worker had in hand, as far as the record kept it. The verdict's bytes are in a->packed. */
static const Punnet__V1__JudgedLead *judge_again(struct again *a, const struct ruleset *rs,
						 const Punnet__V1__JudgedLead *m)
{
	Punnet__V1__RawLead raw = PUNNET__V1__RAW_LEAD__INIT;
	struct provenance source = {.topic = m->source->topic,
				    .partition = m->source->partition,
				    .offset = m->source->offset,
				    .step = m->source->step};
	struct judgement judgement;
	struct facts facts;

	raw.lead_id = m->lead_id;
	raw.lead = m->lead;
	raw.fingerprints = m->fingerprints;
	raw.contact = m->contact;
	codec_pack(&raw.base, &a->raw);
	facts_from_record(m, &facts);
	judge_lead(rs, &facts, &a->arena, &judgement);
	judged_record_write(&raw, buf_slice(&a->raw), &source, rs, &facts, &judgement, m->lists,
			    &a->packed);
	return codec_unpack(&a->arena, &punnet__v1__judged_lead__descriptor, buf_slice(&a->packed));
}

static bool same_reasons(const Punnet__V1__JudgedLead *x, const Punnet__V1__JudgedLead *y)
{
	if (x->n_reasons != y->n_reasons)
		return false;
	for (size_t i = 0; i < x->n_reasons; i++) {
		if (strcmp(x->reasons[i]->code, y->reasons[i]->code) != 0)
			return false;
	}
	return true;
}

static enum outcome compare(struct again *a, struct slice bytes)
{
	const Punnet__V1__JudgedLead *m, *again;
	const struct ruleset *rs;

	arena_reset(&a->arena);
	buf_reset(&a->packed);
	buf_reset(&a->raw);
	m = codec_unpack(&a->arena, &punnet__v1__judged_lead__descriptor, bytes);
	if (!m || !m->source || !m->lead)
		return UNREADABLE;
	rs = rules_of(a, m->ruleset);
	if (!rs)
		return UNKNOWN_RULES;
	again = judge_again(a, rs, m);
	if (!again || again->verdict != m->verdict || again->score != m->score)
		return OTHER_VERDICT;
	if (!same_reasons(again, m))
		return OTHER_REASONS;
	return slice_equal(buf_slice(&a->packed), bytes) ? SAME : OTHER_REST;
}

/* false: the input is over, or cut off. */
static bool read_record(struct buf *ret)
{
	uint8_t head[4];
	uint32_t len;

	buf_reset(ret);
	if (fread(head, 1, sizeof(head), stdin) != sizeof(head))
		return false;
	len = (uint32_t)head[0] | (uint32_t)head[1] << 8 | (uint32_t)head[2] << 16 |
	      (uint32_t)head[3] << 24;
	if (len > RECORD_MAX_BYTES)
		return false;
	if (!buf_reserve(ret, len) || fread(ret->data, 1, len, stdin) != len)
		return false;
	ret->len = len;
	return true;
}

static bool load_rules(struct again *a, const char *path)
{
	_cleanup_(yaml_faults_free) struct yaml_faults faults = {.file = path};

	if (a->rule_sets == RULE_SETS_MAX ||
	    rules_file_load(path, &a->rules[a->rule_sets], &faults) != RESULT_OK) {
		fprintf(stderr, "judge-again: %s: %s\n", path, buf_cstr(&faults.text));
		return false;
	}
	a->rule_sets++;
	return true;
}

static void show(const struct again *a)
{
	printf("{\"records\":%zu", a->records);
	for (int i = 0; i < OUTCOMES; i++)
		printf(",\"%s\":%zu", outcome_names[i], a->counts[i]);
	puts("}");
}

int main(int argc, char **argv)
{
	struct again *a = calloc(1, sizeof(*a));
	_cleanup_(buf_free) struct buf record = {.max = RECORD_MAX_BYTES};
	bool same;

	assert(a);
	a->packed.max = a->raw.max = RECORD_MAX_BYTES;
	for (int i = 1; i < argc; i++) {
		if (!load_rules(a, argv[i]))
			return 2;
	}
	while (read_record(&record)) {
		enum outcome o = compare(a, buf_slice(&record));

		if (o != SAME && a->records - a->counts[SAME] < SHOWN_MAX)
			fprintf(stderr, "judge-again: record %zu: %s\n", a->records,
				outcome_names[o]);
		a->counts[o]++;
		a->records++;
	}
	show(a);
	same = a->counts[SAME] == a->records && a->records > 0;
	arena_free(&a->arena);
	buf_free(&a->packed);
	buf_free(&a->raw);
	free(a);
	return same ? 0 : 1;
}
