/* reasons: reasons.def, read three times. */
#include "reasons.h"

static const struct {
	const char *code, *text;
	enum reason_kind kind;
} reasons[REASON_COUNT] = {
    [REASON_NONE] = {"", "", REASON_KIND_REJECT},
#define REASON(name, code, kind, text, ...) [REASON_##name] = {code, text, REASON_KIND_##kind},
#include "reasons.def"
#undef REASON
};

static bool in_table(enum reason r)
{
	return (unsigned)r < REASON_COUNT;
}

const char *reason_code(enum reason r)
{
	assert(in_table(r));
	return reasons[r].code;
}

const char *reason_text(enum reason r)
{
	assert(in_table(r));
	return reasons[r].text;
}

enum reason_kind reason_kind_of(enum reason r)
{
	assert(in_table(r) && r != REASON_NONE);
	return reasons[r].kind;
}

enum reason reason_from_code(struct slice code)
{
	for (int r = REASON_NONE + 1; r < REASON_COUNT; r++) {
		if (slice_is(code, reasons[r].code))
			return (enum reason)r;
	}
	return REASON_NONE;
}
