/* raw_lead_parts: what the record in bytes (raw_lead.c) and the record as a message (raw_lead_message.c) both say. */
#ifndef PUNNET_COLLECTOR_RAW_LEAD_PARTS_H
#define PUNNET_COLLECTOR_RAW_LEAD_PARTS_H

#include <arpa/inet.h> /* INET6_ADDRSTRLEN */

#include "lead/contact_prints.h"
#include "raw_lead.h"

#define CONSENT_HASH_LEN 32 /* SHA-256 */

struct raw_lead_prints {
	struct contact_prints contact;
	struct fingerprint person, payload, device, idempotency, ip;
};

/* An address in its one spelling: text of the draft, or in `room`. */
struct slice raw_lead_address(const struct draft *d, enum lead_field field,
			      char room[INET6_ADDRSTRLEN]);
/* ip: the lead's, in its one spelling. */
void raw_lead_prints(const struct draft *d, const struct raw_lead_origin *origin, struct slice ip,
		     struct buf *scratch, struct raw_lead_prints *ret);

#endif
