/* order_lowered: see order_lowered.h. */
#include "order_lowered.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/money.h"
#include "base/timefmt.h"

#define WHOLE_BP 10000

static const struct {
	const char *code, *words;
} rules[] = {
    {"slow", "its first calls come late"},
    {"empty", "too many leads come back for its own cause"},
};

static const char *rule_words(const char *code)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (strcmp(rules[i].code, code) == 0)
			return rules[i].words;
	return code[0] ? code : "not said why";
}

bool order_is_lowered(const Punnet__V1__OrderProgress *p, int64_t now_ms)
{
	return p && p->lowered && now_ms < p->lowered->until_ms && p->lowered->lower_bp <= WHOLE_BP;
}

static int64_t ranks_at(const Punnet__V1__RankLowered *l, const Punnet__V1__Money *price)
{
	return price->amount_minor - money_share_bp(price->amount_minor, l->lower_bp);
}

void order_lowered_words(const Punnet__V1__OrderProgress *p, const Punnet__V1__Money *price,
			 int64_t now_ms, struct buf *out)
{
	char money[64], since[TIME_TEXT_LEN + 1], until[TIME_TEXT_LEN + 1];

	if (!order_is_lowered(p, now_ms))
		return;
	money_text(ranks_at(p->lowered, price), price->currency, money, sizeof(money));
	time_text(p->lowered->since_ms, since);
	time_text(p->lowered->until_ms, until);
	buf_printf(out,
		   "ranks as if it paid %s (%u.%02u %% less) since %s, until %s: a rule lowers %s: "
		   "%s",
		   money, p->lowered->lower_bp / 100, p->lowered->lower_bp % 100, since, until,
		   p->advertiser_id, rule_words(p->lowered->reason_code));
}

void order_lowered_json(const Punnet__V1__OrderProgress *p, const Punnet__V1__Money *price,
			int64_t now_ms, struct buf *out)
{
	if (!order_is_lowered(p, now_ms)) {
		buf_append_cstr(out, ",\"lowered\":null");
		return;
	}
	buf_printf(out,
		   ",\"lowered\":{\"since_ms\":%" PRId64 ",\"until_ms\":%" PRId64
		   ",\"lower_bp\":%u,\"ranks_at_minor\":%" PRId64 ",",
		   p->lowered->since_ms, p->lowered->until_ms, p->lowered->lower_bp,
		   ranks_at(p->lowered, price));
	json_write_member(out, "rule", slice_cstr(p->lowered->reason_code));
	buf_append_char(out, '}');
}
