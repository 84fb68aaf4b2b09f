/* mail: the settings of an e-mail channel.
 *
 *     {"to": ["leads@bank-a.example"], "subject": "Lead {lead_id}", "format": "both", "fields": {"Phone": "{phone}"},
 *      "digest": {"every_minutes": 60}, "timeout_ms": 20000}
 *
 * `fields` are lines of the message, in their order; left out: what the webhook's document has. */
#ifndef PUNNET_DELIVERY_MAIL_H
#define PUNNET_DELIVERY_MAIL_H

#include "settings.h"

#define MAIL_TO_MAX           5
#define MAIL_ADDRESS_MAX      255
#define MAIL_SUBJECT_MAX      256
#define MAIL_FIELDS_MAX       64
#define MAIL_TIMEOUT_MS       20000
#define MAIL_TIMEOUT_LEAST_MS 1000
#define MAIL_TIMEOUT_MOST_MS  60000
#define MAIL_DIGEST_LEADS_MAX 200 /* of one message; more leads make more messages */

struct mail_settings {
	char to[MAIL_TO_MAX][MAIL_ADDRESS_MAX];
	size_t to_count; /* 0: no e-mail */
	char subject[MAIL_SUBJECT_MAX];
	bool text, html;
	const struct json *fields; /* NULL: ours */
	int64_t digest_ms;         /* 0: a message a lead */
	int64_t timeout_ms;
};

/* The object under "email". */
_must_use_ enum result mail_settings_read(const struct json *settings, struct mail_settings *ret,
					  struct error *ret_error);
/* local@domain, printable ASCII without anything that a header or a command could end by. */
bool mail_address_valid(struct slice address);
/* When a digest with this lead is due: the next whole interval since 1970. */
int64_t mail_digest_due_ms(int64_t digest_ms, int64_t routed_at_ms);

#endif
