/* reasons: see reasons.h. */
#include "reasons.h"

static const struct {
	const char *code, *texts[LANGUAGE_COUNT], *operator_text;
	enum reason_kind kind;
} reasons[REASON_COUNT] = {
    [REASON_NONE] = {.code = "", .texts = {"", ""}, .operator_text = ""},
#define REASON(name, code, kind, english, russian, operator_text)                                  \
	[REASON_##name] = {code, {english, russian}, operator_text, REASON_KIND_##kind},
#include "reasons.def"
#undef REASON
};

static const char *const languages[LANGUAGE_COUNT] = {[LANGUAGE_EN] = "en", [LANGUAGE_RU] = "ru"};

static bool in_table(enum reason r)
{
	return (unsigned)r < REASON_COUNT;
}

const char *reason_code(enum reason r)
{
	assert(in_table(r));
	return reasons[r].code;
}

const char *reason_text(enum reason r, enum language language)
{
	assert(in_table(r) && (unsigned)language < LANGUAGE_COUNT);
	return reasons[r].texts[language];
}

const char *reason_operator_text(enum reason r)
{
	assert(in_table(r));
	return reasons[r].operator_text;
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

const char *language_code(enum language language)
{
	assert((unsigned)language < LANGUAGE_COUNT);
	return languages[language];
}

bool language_from_code(struct slice code, enum language *ret_language)
{
	for (int i = 0; i < LANGUAGE_COUNT; i++) {
		if (slice_is(code, languages[i])) {
			*ret_language = (enum language)i;
			return true;
		}
	}
	return false;
}
