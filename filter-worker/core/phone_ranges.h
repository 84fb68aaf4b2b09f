/* phone_ranges: what the numbering plans say of a number in E.164, read from a table that filter-worker/gen makes of
 * libphonenumber's metadata (Apache-2.0) when we build. Pure, and exact: where the table answers, libphonenumber of the
 * same version answers the same. Where the metadata need more than the number's own digits (a national prefix that stands
 * after the calling code, say), it does not answer, and the library is to be asked. */
#ifndef PUNNET_PHONE_RANGES_H
#define PUNNET_PHONE_RANGES_H

#include "base/slice.h"

#ifdef __cplusplus
extern "C" {
#endif

/* In the order in which the plans are searched. */
enum phone_line {
	PHONE_LINE_UNKNOWN,
	PHONE_LINE_PREMIUM,
	PHONE_LINE_TOLL_FREE,
	PHONE_LINE_SHARED_COST,
	PHONE_LINE_VOIP,
	PHONE_LINE_PERSONAL,
	PHONE_LINE_PAGER,
	PHONE_LINE_UAN,
	PHONE_LINE_VOICEMAIL,
	PHONE_LINE_FIXED,
	PHONE_LINE_MOBILE,
	PHONE_LINE_FIXED_OR_MOBILE,
};
#define PHONE_LINE_COUNT (PHONE_LINE_FIXED_OR_MOBILE + 1)

enum phone_standing {
	PHONE_NOT_IN_TABLE,
	PHONE_IMPOSSIBLE, /* no number of this length */
	PHONE_UNASSIGNED, /* a possible length, in a range that nobody has */
	PHONE_VALID,
};

struct phone_number {
	const char *standing; /* "valid", "unassigned", "impossible": see facts.def */
	const char *line;     /* "mobile", "fixed_line", …; NULL where the plan does not say */
	char region[4];       /* "RU", or "" */
};

const char *phone_line_text(enum phone_line line);             /* NULL: unknown */
const char *phone_standing_text(enum phone_standing standing); /* NULL: not in the table */

/* e164: '+' and digits, nothing else; all other text is not in the table. False = the table can't say. */
_must_use_ bool phone_ranges_look(struct slice e164, struct phone_number *ret);

/* What stands behind the calling code. false: the text is not E.164, or no plan has such a code. */
_must_use_ bool phone_ranges_national(struct slice e164, struct slice *ret);

/* A cell of the table is a standing, a line and a region's place. */
#define PHONE_CELL(standing, line, region) ((standing) | (line) << 2 | (region) << 6)
#define PHONE_CELL_STANDING(cell)          ((enum phone_standing)((cell)&3))
#define PHONE_CELL_LINE(cell)              ((enum phone_line)((cell) >> 2 & 15))
#define PHONE_CELL_REGION(cell)            ((cell) >> 6) /* 0: the only one of its calling code */
#define PHONE_DIGITS_MOST                  15            /* E.164 */

#ifdef __cplusplus
}
#endif

#endif
