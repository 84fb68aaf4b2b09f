/* classify: what an answer over HTTP means.
 *
 * The order of the questions is the order of this table; the first that fits decides.
 *
 *   nothing was sent (no address, no connection, no TLS)        TEMPFAIL, known not to have arrived
 *   sent, no status line                                        TEMPFAIL, unknown
 *   2xx, answer not complete, or longer than may be kept        TEMPFAIL, unknown (it may hold a refusal)
 *   2xx not among success.status                                TEMPFAIL, unknown
 *   2xx, body says busy                                         TEMPFAIL, known
 *   2xx, body says duplicate                                    PERMFAIL duplicate
 *   2xx, body says refused                                      PERMFAIL refused
 *   2xx, body must say accepted and does not                    TEMPFAIL, unknown
 *   2xx                                                         OK
 *   408, 425, 429, 5xx                                          TEMPFAIL, known; Retry-After honoured
 *   400, 409, 422, body says busy, duplicate or refused         as with 2xx
 *   400, 422                                                    PERMFAIL refused: the advertiser read this lead
 *   409                                                         PERMFAIL duplicate
 *   410                                                         PERMFAIL endpoint_gone
 *   3xx (never followed), other 4xx                             PERMFAIL endpoint_refused
 *   anything else                                               TEMPFAIL, unknown
 *
 * A status that is not 2xx decides even when its body did not come whole: the body would change nothing. */
#ifndef PUNNET_DELIVERY_CLASSIFY_H
#define PUNNET_DELIVERY_CLASSIFY_H

#include "answer_rules.h"
#include "attempt.h"
#include "endpoint.h"

enum transport_end {
	TRANSPORT_ANSWERED, /* a whole answer */
	TRANSPORT_BROKEN,   /* sent, or maybe sent; the answer is missing or not whole */
	TRANSPORT_TOO_LONG, /* the answer passed the limit and was cut */
	TRANSPORT_NOT_SENT, /* no address, no connection, no TLS: not a byte of the request went out */
	TRANSPORT_ADDRESS_REFUSED, /* the name led to an address that may not be called */
	TRANSPORT_URL_UNUSABLE,
};

struct transport_answer {
	enum transport_end end;
	uint32_t http_status; /* 0: no status line came */
	int64_t retry_after_ms;
	struct answer_text text; /* of the body */
};

struct attempt_said classify(const struct answer_rules *rules,
			     const struct transport_answer *answer);

/* The answer to a status query: delivered, refused, absent (it never arrived: the next attempt hands it over), or TEMPFAIL. Never
 * unknown by itself. */
struct attempt_said classify_query(const struct status_query *query,
				   const struct transport_answer *answer);

/* E-mail: the code is the relay's last one over SMTP.
 *
 *   nothing was sent, no code that refuses          TEMPFAIL, known not to have arrived
 *   250 after the message                           OK
 *   421, 4xx; 530, 534, 535, 538 (we may not)       TEMPFAIL, known
 *   other 5xx                                       PERMFAIL mail_refused: about the mailbox, not about the lead
 *   all sent, no code                               TEMPFAIL, unknown */
struct attempt_said classify_mail(const struct transport_answer *answer);

/* The words of the answer that the rules point at ("refused: too young"), or the body itself when it is not JSON.
 * Lives in scratch or in the answer; not yet safe to keep, see excerpt.h. */
struct slice answer_words(const struct answer_rules *rules, const struct answer_text *text,
			  struct arena *scratch);

#endif
