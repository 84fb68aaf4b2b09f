/* reasons: the table of reasons.def as an enum and its texts. */
#ifndef PUNNET_REASONS_H
#define PUNNET_REASONS_H

#include "base/slice.h"

enum reason_kind { REASON_KIND_REJECT, REASON_KIND_SCORE, REASON_KIND_ROUTE, REASON_KIND_DELIVERY };

enum language { LANGUAGE_EN, LANGUAGE_RU, LANGUAGE_COUNT };

enum reason {
	REASON_NONE,
#define REASON(name, ...) REASON_##name,
#include "reasons.def"
#undef REASON
	REASON_COUNT
};

const char *reason_code(enum reason r); /* stable; "" for REASON_NONE */
/* What the webmaster reads, with {placeholders}. */
const char *reason_text(enum reason r, enum language language);
/* What only the operator reads, with {placeholders}; never shown to a webmaster. */
const char *reason_operator_text(enum reason r);
enum reason_kind reason_kind_of(enum reason r);
enum reason reason_from_code(struct slice code); /* REASON_NONE when unknown */

const char *language_code(enum language language); /* ISO 639-1: "en" */
bool language_from_code(struct slice code,
			enum language *ret_language); /* false: not one of ours */

#endif
