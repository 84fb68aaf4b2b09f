/* mailbox: a lead's e-mail address in its two parts, as lists have them. Pure. */
#ifndef PUNNET_FILTER_MAILBOX_H
#define PUNNET_FILTER_MAILBOX_H

#include "lead/contact.h"
#include "proto/leads_raw.pb-c.h"

struct mailbox {
	char text[EMAIL_TEXT_MAX + 1];
	struct slice local,
	    domain; /* within text: in lower case; the domain's other scripts as A-labels */
};

/* false: no address was given, or it has no two parts. contact NULL: it could not be opened. */
_must_use_ bool mailbox_read(const Punnet__V1__Contact *contact, struct mailbox *ret);

#endif
