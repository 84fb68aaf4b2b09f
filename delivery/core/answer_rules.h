/* answer_rules: how one order's advertiser says what it made of a lead. Read from `success` of the order's webhook:
 *
 *     {"status": [200, 201, 202, 204],
 *      "accepted":  {"pointer": "/status", "values": ["ok"]},     left out: whatever none of the others names
 *      "refused":   {"pointer": "/outcome", "values": ["refused", "rejected"]},
 *      "duplicate": {"pattern": "*already known*"},
 *      "busy":      {…},
 *      "reason_pointer": "/reason",
 *      "price": {"pointer": "/price", "unit": "major"}}
 *
 * A rule is a JSON pointer (RFC 6901) with the values that it may have, or a pattern over the whole body, where '*' stands for
 * anything and '?' for one byte. Letters are compared without case. `refused_pointer` and `refused_values` are the short form of
 * `refused`. */
#ifndef PUNNET_DELIVERY_ANSWER_RULES_H
#define PUNNET_DELIVERY_ANSWER_RULES_H

#include "settings.h"

#define ANSWER_POINTER_MAX      64
#define ANSWER_VALUE_MAX        32
#define ANSWER_VALUES_MAX       8
#define ANSWER_PATTERN_MAX      96
#define ANSWER_STATUS_MAX       16
#define ANSWER_PATTERN_SCAN_MAX 16384 /* bytes of the body that a pattern is held against */

/* No pointer and no pattern: there is no such rule. */
struct answer_rule {
	char pointer[ANSWER_POINTER_MAX];
	char values[ANSWER_VALUES_MAX][ANSWER_VALUE_MAX];
	size_t value_count;
	char pattern[ANSWER_PATTERN_MAX];
};

struct answer_rules {
	uint32_t ok_status[ANSWER_STATUS_MAX];
	size_t ok_status_count;
	struct answer_rule accepted, refused, duplicate, busy;
	char reason_pointer[ANSWER_POINTER_MAX];
	char price_pointer[ANSWER_POINTER_MAX];
	bool price_is_major; /* "450.00" and not 45000 */
};

/* What the words of an answer say of the lead. */
enum answer_word { WORD_NONE, WORD_ACCEPTED, WORD_REFUSED, WORD_DUPLICATE, WORD_BUSY };

/* An answer, read once. */
struct answer_text {
	struct slice body;
	const struct json *root; /* NULL when it is no JSON */
};

void answer_rules_default(struct answer_rules *ret);
/* The object under "success". */
_must_use_ bool answer_rules_read(const struct settings *webhook, struct answer_rules *ret);

/* A rule whose parts are members of s; none of them: it is not set. */
_must_use_ bool answer_rule_parts(const struct settings *s, struct answer_rule *ret);
bool answer_rule_fits(const struct answer_rule *rule, const struct answer_text *text);
bool answer_rule_is_set(const struct answer_rule *rule);
/* A list of status codes, `least` to `most`; absent leaves it. */
_must_use_ bool answer_status_read(const struct settings *s, const char *name, uint32_t least,
				   uint32_t most, uint32_t *ret, size_t room, size_t *ret_count);

struct answer_text answer_text_of(struct slice body, struct arena *scratch);
/* busy, duplicate, refused and accepted are asked in this order. */
enum answer_word answer_word_of(const struct answer_rules *rules, const struct answer_text *text);
/* The price that the answer names, in minor units of the currency; false: none, or none that can be read. */
_must_use_ bool answer_price(const struct answer_rules *rules, const struct answer_text *text,
			     const char *currency, int64_t *ret_minor);

/* RFC 6901; NULL when it leads nowhere. */
const struct json *json_at_pointer(const struct json *root, const char *pointer);
/* '*' and '?'; ASCII letters without case. */
bool pattern_fits(const char *pattern, struct slice text);

#endif
