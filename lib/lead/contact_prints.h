/* contact_prints: by what a person is known again without being known: the keyed fingerprints of a contact. One spelling for
 * all who make them: the front door, suppressions, erasures. Pure. */
#ifndef PUNNET_CONTACT_PRINTS_H
#define PUNNET_CONTACT_PRINTS_H

#include "fingerprint.h"

struct contact_prints {
	struct fingerprint phone, email, mailbox;
};

/* Both as phone_normalise() and email_normalise() left them; empty where there is none. The mailbox is known only where the
 * address's provider is known to ignore dots or tags. */
void contact_prints_of(const uint8_t key[FINGERPRINT_KEY_LEN], struct slice phone,
		       struct slice email, struct contact_prints *ret);

#endif
