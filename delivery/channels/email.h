/* email: leads as a mail message: text, HTML, or both; one lead, or several in a digest.
 *
 * A draft takes one lead after another, so that only one contact is open at a time, and becomes a message at its end. Whatever a lead
 * holds stands in base64 parts or in encoded words: it can't end a header, and adds no recipient. */
#ifndef PUNNET_DELIVERY_EMAIL_H
#define PUNNET_DELIVERY_EMAIL_H

#include "channel.h"

#define MAIL_MESSAGE_ID_MAX 128

struct mail_draft {
	struct buf text, html, subject;
	char message_id[MAIL_MESSAGE_ID_MAX]; /* without its domain */
	size_t leads;
};

/* Takes a lead in. When it is not done the draft is as it was before. */
_must_use_ enum compose mail_add(struct mail_draft *d, const struct handover *h,
				 const struct endpoint *e);
/* The whole message, headers and all, into m->body. from: the network's address. */
_must_use_ enum compose mail_finish(struct mail_draft *d, const struct endpoint *e,
				    const char *from, int64_t now_ms, struct message *m);
/* Leaves no contact behind. */
void mail_draft_wipe(struct mail_draft *d);

#endif
