/* outcome: from protobuf to a checked value. */
#include "payout/core/outcome.h"

#include "lead/codec.h"
#include "proto/leads_outcomes.pb-c.h"

_Static_assert((int)EVENT_WAIVED == PUNNET__V1__OUTCOME_KIND__OUTCOME_WAIVED,
	       "events carry the numbers of OutcomeKind");

/* Ids become parts of account names: visible ASCII without the separators of the books. */
static bool id_ok(const char *id)
{
	size_t len = strlen(id);

	if (len == 0 || len > OUTCOME_ID_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (id[i] <= ' ' || id[i] > '~' || id[i] == ':' || id[i] == ';')
			return false;
	return true;
}

static bool text_ok(const char *text)
{
	return strlen(text) <= OUTCOME_TEXT_MAX;
}

static bool money_read(const Punnet__V1__Money *m, struct money *ret)
{
	if (!m || !money_currency_known(slice_cstr(m->currency)))
		return false;
	ret->amount_minor = m->amount_minor;
	memcpy(ret->currency, m->currency, sizeof(ret->currency));
	return true;
}

static const char *assignment_terms(const Punnet__V1__Assignment *m, struct assignment *ret)
{
	struct money price, payout;

	if (!money_read(m->price, &price) || !money_read(m->payout, &payout))
		return "the price or the payout has no amount in a known currency";
	if (strcmp(price.currency, payout.currency) != 0)
		return "price and payout are in different currencies";
	if (price.amount_minor > OUTCOME_PRICE_MAX)
		return "the price is beyond any that is booked";
	if (payout.amount_minor < 0 || price.amount_minor < payout.amount_minor)
		return "the payout is negative or above the price";
	ret->price_minor = price.amount_minor;
	ret->payout_minor = payout.amount_minor;
	memcpy(ret->currency, price.currency, sizeof(ret->currency));
	return NULL;
}

static const char *assignment_read(const Punnet__V1__Assignment *m, struct assignment *ret)
{
	if (!m)
		return "an outcome of delivery has no assignment";
	if (!id_ok(m->order_id) || !id_ok(m->advertiser_id) || !id_ok(m->aff_id) ||
	    !id_ok(m->vertical))
		return "the assignment's order, advertiser, webmaster or vertical is not an id";
	if (m->round > OUTCOME_ROUND_MAX)
		return "the assignment's round is out of range";
	if (!m->market)
		return "the assignment does not say where it was decided";
	*ret = (struct assignment){.round = m->round,
				   .order_id = m->order_id,
				   .advertiser_id = m->advertiser_id,
				   .aff_id = m->aff_id,
				   .vertical = m->vertical,
				   .exclusive = m->exclusive,
				   .is_test = m->is_test,
				   .sub = {m->sub1, m->sub2, m->sub3, m->sub4, m->sub5},
				   .click_id = m->click_id,
				   .market_partition = m->market->partition};
	for (size_t i = 0; i < OUTCOME_SUBS; i++)
		if (!text_ok(ret->sub[i]))
			return "a sub id is too long";
	if (!text_ok(ret->click_id))
		return "the click id is too long";
	return assignment_terms(m, ret);
}

static const char *verdict_read(const Punnet__V1__Outcome *m, struct outcome *ret)
{
	if (!id_ok(m->advertiser_id))
		return "a verdict without an advertiser";
	if (m->verdict_id[0] == '\0' || !text_ok(m->verdict_id))
		return "a verdict without an id of its own";
	ret->advertiser_id = m->advertiser_id;
	ret->verdict_id = m->verdict_id;
	ret->called_at_ms = MAX_OF(m->called_at_ms, 0);
	if (m->amount && !money_read(m->amount, &ret->amount))
		return "the amount is not in a known currency";
	return NULL;
}

bool outcome_read(struct arena *a, struct slice bytes, uint32_t partition, uint64_t offset,
		  int64_t logged_at_ms, struct outcome *ret, const char **ret_why)
{
	const Punnet__V1__Outcome *m = codec_unpack(a, &punnet__v1__outcome__descriptor, bytes);
	struct outcome o = {.partition = partition, .offset = offset};
	const char *why;

	*ret_why = "not an Outcome";
	if (!m)
		return false;
	*ret_why = "the lead id is not 16 bytes";
	if (!lead_id_from_bytes(m->lead_id.data, m->lead_id.len, &o.lead_id))
		return false;
	*ret_why = "an unknown kind of outcome";
	if ((int)m->kind <= EVENT_NONE || (int)m->kind >= EVENT_COUNT)
		return false;
	*ret_why = "the reason code is too long";
	if (!text_ok(m->reason_code))
		return false;

	o.event = (enum life_event)m->kind;
	o.reason_code = m->reason_code;
	o.logged_at_ms = logged_at_ms;
	if (event_is_verdict(o.event)) {
		o.at_ms = MAX_OF(m->at_ms, logged_at_ms);
		why = verdict_read(m, &o);
	} else if (o.event == EVENT_DUE) {
		o.at_ms = logged_at_ms;
		why = NULL;
	} else {
		o.at_ms = m->at_ms > 0 ? m->at_ms : logged_at_ms;
		why = assignment_read(m->assignment, &o.assignment);
	}
	*ret_why = why;
	if (why)
		return false;
	*ret = o;
	return true;
}
