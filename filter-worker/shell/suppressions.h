/* suppressions: fingerprints of people who must not be contacted, and the list that each stands on. Made anew from the
 * directory when that changes. */
#ifndef PUNNET_SUPPRESSIONS_H
#define PUNNET_SUPPRESSIONS_H

#include "base/slice.h"
#include "lead/fingerprint.h"

struct directory;
struct suppressions;

struct suppressions *suppressions_new(void);
void suppressions_free(struct suppressions *s);
/* domain: FINGERPRINT_PHONE, FINGERPRINT_EMAIL or FINGERPRINT_MAILBOX; an empty fingerprint is left out. */
void suppressions_put(struct suppressions *s, enum fingerprint_domain domain,
		      struct slice fingerprint, struct slice list);
/* What the directory says now, if it says something else than last time. */
void suppressions_follow(struct suppressions *s, const struct directory *d);
size_t suppressions_count(const struct suppressions *s);
/* The list that one of them stands on, the phone's first; empty when none does. */
struct slice suppressions_list(const struct suppressions *s, struct slice phone, struct slice email,
			       struct slice mailbox);

#endif
