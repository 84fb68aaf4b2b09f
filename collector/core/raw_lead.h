/* raw_lead: a checked draft into the record that goes to leads.raw: normalised, fingerprinted, the contact sealed.
 *
 * Pure: id, time, keys and nonce are arguments. The draft must have passed draft_check() without a fault. */
#ifndef PUNNET_COLLECTOR_RAW_LEAD_H
#define PUNNET_COLLECTOR_RAW_LEAD_H

#include "base/ids.h"
#include "draft.h"
#include "lead/fingerprint.h"
#include "lead/seal.h"
#include "proto/leads_raw.pb-c.h"

struct raw_lead_origin {
	struct lead_id id;
	int64_t received_at_ms;
	const char *aff_id;
	const char *default_country;
	struct slice idempotency_key; /* empty without one */
	uint32_t line;                /* of a batch, from 1; 0 for a single lead */
	const uint8_t *fingerprint_key;
	const uint8_t *day_key; /* not looked at where there is a subkey */
	const uint8_t *subkey;  /* of the day's key and the nonce (struct sealer), or NULL */
	uint32_t key_day;
	uint8_t nonce[SEAL_NONCE_LEN];
};

/* Buffers that are used again from lead to lead; zero-initialised is ready. */
struct raw_lead_scratch {
	struct buf plain, canonical;
};

void raw_lead_scratch_free(struct raw_lead_scratch *s);
/* Appends the packed RawLead to `out`; ret_person is the partition key. */
void raw_lead_build(const struct draft *d, const struct raw_lead_origin *origin,
		    struct raw_lead_scratch *scratch, struct buf *out,
		    struct fingerprint *ret_person);

/* The same record as a message, for who judges leads that stand in no log: its contact is open, and not in the record. Its
 * parts are in the arena. Keys of the box, nonce and sealing are not looked at. */
struct raw_lead_message {
	Punnet__V1__RawLead raw;
	Punnet__V1__Contact contact;
};
void raw_lead_message(const struct draft *d, const struct raw_lead_origin *origin,
		      struct raw_lead_scratch *scratch, struct arena *a,
		      struct raw_lead_message *ret);

#endif
