/* postback: what a webmaster's tracker is told, or who is alerted, and how the answer is read. Pure.
 *
 * The URL is the webmaster's, with places: https://tracker.example/pb?cid={click_id}&sum={payout}. They stand behind the host
 * only, every value is percent-encoded, and an unknown place is refused when the directory is applied. With POST the same facts
 * go as a document.
 *
 *   any 2xx                                          arrived
 *   410                                              gone: the last attempt
 *   an address or a URL that may not be called       the last attempt
 *   anything else, and no answer                     tried again, for as long as the schedule says */
#ifndef PUNNET_DELIVERY_POSTBACK_H
#define PUNNET_DELIVERY_POSTBACK_H

#include "classify.h"
#include "proto/status_events.pb-c.h"

#define POSTBACK_URL_MAX     2048 /* as it stands in the directory */
#define POSTBACK_WRITTEN_MAX 8192 /* with its places filled */
#define POSTBACK_HOST_MAX    256
#define POSTBACKS_MAX        4 /* of one webmaster, and alerts of one advertiser or operator */

/* Who is told: they have events and places of their own. */
/* POSTBACK_OPERATOR: what concerns the network itself; an operator may have alerts of advertisers, too. */
enum postback_audience { POSTBACK_WEBMASTER, POSTBACK_ALERTED, POSTBACK_OPERATOR };

_must_use_ enum result postback_check(struct slice url, enum postback_audience audience,
				      struct error *ret_error);
bool postback_event_known(struct slice name, enum postback_audience audience);
enum postback_audience postback_audience_of(Punnet__V1__StatusKind kind);
/* "delivered"; "" for a kind that is none. */
const char *postback_event_name(Punnet__V1__StatusKind kind);
/* "https://tracker.example:8443", of a URL that was checked. */
struct slice postback_host(struct slice url);

/* false: too long. */
_must_use_ bool postback_write_url(struct slice url, const Punnet__V1__StatusEvent *e,
				   struct buf *out);
void postback_write_body(const Punnet__V1__StatusEvent *e, struct buf *out);

enum postback_end {
#define END(name, code, result) POSTBACK_##name,
#include "postback_ends.def"
#undef END
	POSTBACK_END_COUNT
};
enum postback_end postback_judge(const struct transport_answer *answer);
enum attempt_result postback_result(enum postback_end end);
const char *postback_end_code(enum postback_end end);

#endif
