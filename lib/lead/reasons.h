/* reasons: the table of reasons.def as an enum and its texts. */
#ifndef PUNNET_REASONS_H
#define PUNNET_REASONS_H

#include "base/slice.h"

enum reason_kind { REASON_KIND_REJECT, REASON_KIND_SCORE, REASON_KIND_ROUTE, REASON_KIND_DELIVERY };

enum reason {
	REASON_NONE,
#define REASON(name, code, kind, text, ...) REASON_##name,
#include "reasons.def"
#undef REASON
	REASON_COUNT
};

const char *reason_code(enum reason r); /* stable; "" for REASON_NONE */
const char *reason_text(enum reason r); /* with {placeholders} */
enum reason_kind reason_kind_of(enum reason r);
enum reason reason_from_code(struct slice code); /* REASON_NONE when unknown */

#endif
