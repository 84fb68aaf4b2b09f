/* classify: see classify.h. */
#include "classify.h"

static bool status_is_ok(const struct answer_rules *rules, uint32_t status)
{
	for (size_t i = 0; i < rules->ok_status_count; i++)
		if (rules->ok_status[i] == status)
			return true;
	return false;
}

static struct attempt_said tempfail(enum reason reason, bool unknown)
{
	return (struct attempt_said){
	    .result = ATTEMPT_TEMPFAIL, .unknown = unknown, .reason = reason};
}

static struct attempt_said permfail(enum reason reason)
{
	return (struct attempt_said){.result = ATTEMPT_PERMFAIL, .reason = reason};
}

/* What the words decide, whatever the status: it was the advertiser who wrote them. */
static bool classify_words(enum answer_word word, struct attempt_said *ret)
{
	switch (word) {
	case WORD_BUSY:
		*ret = tempfail(REASON_DELIVERY_ADVERTISER_BUSY, false);
		return true;
	case WORD_DUPLICATE:
		*ret = permfail(REASON_DELIVERY_DUPLICATE);
		return true;
	case WORD_REFUSED:
		*ret = permfail(REASON_DELIVERY_REFUSED);
		return true;
	case WORD_ACCEPTED:
	case WORD_NONE:
		break;
	}
	return false;
}

static struct attempt_said classify_2xx(const struct answer_rules *rules,
					const struct transport_answer *answer)
{
	struct attempt_said said;
	enum answer_word word;

	if (answer->end != TRANSPORT_ANSWERED || !status_is_ok(rules, answer->http_status))
		return tempfail(REASON_DELIVERY_ANSWER_UNCLEAR, true);
	word = answer_word_of(rules, &answer->text);
	if (classify_words(word, &said))
		return said;
	/* Where the order says how a yes reads, nothing else is one. */
	if (word != WORD_ACCEPTED && answer_rule_is_set(&rules->accepted))
		return tempfail(REASON_DELIVERY_ANSWER_UNCLEAR, true);

	return (struct attempt_said){.result = ATTEMPT_OK};
}

/* A status that says no, to this lead or to all. */
static struct attempt_said classify_no(const struct answer_rules *rules,
				       const struct transport_answer *answer)
{
	struct attempt_said said;

	if (answer->end == TRANSPORT_ANSWERED &&
	    classify_words(answer_word_of(rules, &answer->text), &said))
		return said;

	return permfail(answer->http_status == 409 ? REASON_DELIVERY_DUPLICATE
						   : REASON_DELIVERY_REFUSED);
}

static struct attempt_said classify_status(const struct answer_rules *rules,
					   const struct transport_answer *answer)
{
	uint32_t status = answer->http_status;

	if (status >= 200 && status <= 299)
		return classify_2xx(rules, answer);
	switch (status) {
	case 408:
	case 425:
	case 429:
		return tempfail(REASON_DELIVERY_ADVERTISER_BUSY, false);
	case 400:
	case 409:
	case 422:
		return classify_no(rules, answer);
	case 410:
		return permfail(REASON_DELIVERY_ENDPOINT_GONE);
	}
	if (status >= 500 && status <= 599)
		return tempfail(REASON_DELIVERY_ADVERTISER_ERROR, false);
	if (status >= 300 && status <= 499)
		return permfail(REASON_DELIVERY_ENDPOINT_REFUSED);

	return tempfail(REASON_DELIVERY_ANSWER_UNCLEAR, true);
}

struct attempt_said classify(const struct answer_rules *rules,
			     const struct transport_answer *answer)
{
	struct attempt_said said;

	switch (answer->end) {
	case TRANSPORT_NOT_SENT:
		return tempfail(REASON_DELIVERY_UNREACHABLE, false);
	case TRANSPORT_ADDRESS_REFUSED:
		return permfail(REASON_DELIVERY_ADDRESS_REFUSED);
	case TRANSPORT_URL_UNUSABLE:
		return permfail(REASON_DELIVERY_ENDPOINT_INVALID);
	case TRANSPORT_ANSWERED:
	case TRANSPORT_BROKEN:
	case TRANSPORT_TOO_LONG:
		break;
	}
	if (answer->http_status == 0)
		return tempfail(REASON_DELIVERY_NO_ANSWER, true);

	said = classify_status(rules, answer);
	said.http_status = answer->http_status;
	if (said.result == ATTEMPT_TEMPFAIL)
		said.retry_after_ms = MAX_OF(answer->retry_after_ms, 0);
	return said;
}

/* --- asked about an earlier attempt --- */

static bool says_absent(const struct status_query *query, const struct transport_answer *answer)
{
	for (size_t i = 0; i < query->absent_status_count; i++)
		if (query->absent_status[i] == answer->http_status)
			return true;
	if (!answer_rule_is_set(&query->absent) || answer->end != TRANSPORT_ANSWERED)
		return false;
	return answer_rule_fits(&query->absent, &answer->text);
}

struct attempt_said classify_query(const struct status_query *query,
				   const struct transport_answer *answer)
{
	struct attempt_said said;

	if (answer->http_status != 0 && says_absent(query, answer)) {
		said = tempfail(REASON_DELIVERY_NOT_ARRIVED, false);
		said.absent = true;
		said.http_status = answer->http_status;
		return said;
	}
	said = classify(&query->rules, answer);
	/* A question hands nothing over: how it ends adds no doubt, and a broken one decides nothing. */
	said.unknown = false;
	if (said.result == ATTEMPT_PERMFAIL && said.reason != REASON_DELIVERY_REFUSED &&
	    said.reason != REASON_DELIVERY_DUPLICATE)
		said.result = ATTEMPT_TEMPFAIL;
	return said;
}

/* --- e-mail --- */

struct attempt_said classify_mail(const struct transport_answer *answer)
{
	uint32_t code = answer->http_status;
	struct attempt_said said;

	if (answer->end == TRANSPORT_ANSWERED && code < 400)
		said = (struct attempt_said){.result = ATTEMPT_OK};
	else if (code == 530 || code == 534 || code == 535 || code == 538)
		said = tempfail(REASON_DELIVERY_UNREACHABLE, false);
	else if (code >= 500)
		said = permfail(REASON_DELIVERY_MAIL_REFUSED);
	else if (code >= 400)
		said = tempfail(REASON_DELIVERY_ADVERTISER_BUSY, false);
	else if (answer->end == TRANSPORT_URL_UNUSABLE || answer->end == TRANSPORT_NOT_SENT)
		said = tempfail(REASON_DELIVERY_UNREACHABLE, false);
	else
		said = tempfail(REASON_DELIVERY_NO_ANSWER, true);
	said.http_status = code;
	return said;
}

static struct slice text_at(const struct json *root, const char *pointer)
{
	const struct json *node = *pointer ? json_at_pointer(root, pointer) : NULL;

	return node && (node->type == JSON_STRING || node->type == JSON_NUMBER) ? node->text
										: slice_of(NULL, 0);
}

struct slice answer_words(const struct answer_rules *rules, const struct answer_text *text,
			  struct arena *scratch)
{
	const struct json *root = text->root;
	struct slice outcome, reason;

	if (!root)
		return text->body;

	outcome = text_at(root, rules->accepted.pointer);
	if (outcome.len == 0)
		outcome = text_at(root, rules->refused.pointer);
	reason = text_at(root, rules->reason_pointer);
	if (outcome.len == 0 || reason.len == 0)
		return outcome.len ? outcome : reason;
	return slice_cstr(
	    arena_printf(scratch, SLICE_FMT ": " SLICE_FMT, SLICE_ARG(outcome), SLICE_ARG(reason)));
}
