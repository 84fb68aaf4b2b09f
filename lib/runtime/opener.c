/* opener: see opener.h. */
#include "opener.h"

#include <sodium.h>

#include "fault.h"
#include "lead/codec.h"
#include "lead/contact_prints.h"

#define CONTACT_MAX_BYTES (64 * 1024)

bool opener_sure(const struct opener *o)
{
	return !o->directory || directory_current(o->directory, ERASURE_IN_FORCE_MS);
}

static int64_t erased_at(const struct directory *d, struct slice fingerprint)
{
	char hex[2 * FINGERPRINT_LEN + 1];
	const Punnet__V1__DirectoryEntry *entry;

	if (fingerprint.len != FINGERPRINT_LEN)
		return 0;
	sodium_bin2hex(hex, sizeof(hex), (const uint8_t *)fingerprint.data, FINGERPRINT_LEN);
	entry = directory_get(d, "erasure", slice_cstr(hex));
	return entry ? entry->erasure->erased_at_ms : 0;
}

int64_t opener_erased_at_ms(const struct opener *o, const struct person *p)
{
	const struct slice all[] = {p->phone, p->email, p->mailbox};
	int64_t newest = 0;

	if (!o->directory || directory_count(o->directory, "erasure") == 0 ||
	    fault_on("erasures_off"))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		newest = MAX_OF(newest, erased_at(o->directory, all[i]));
	return newest;
}

static struct slice print_slice(const struct fingerprint *f)
{
	return f->known ? slice_of(f->bytes, FINGERPRINT_LEN) : (struct slice){0};
}

static bool is_erased(const struct opener *o, const struct contact_prints *prints)
{
	const struct person person = {
	    .phone = print_slice(&prints->phone),
	    .email = print_slice(&prints->email),
	    .mailbox = print_slice(&prints->mailbox),
	};

	return opener_erased_at_ms(o, &person) != 0;
}

static struct person person_of(const Punnet__V1__SealedContact *sealed)
{
	return (struct person){.phone = codec_bytes(sealed->phone),
			       .email = codec_bytes(sealed->email),
			       .mailbox = codec_bytes(sealed->mailbox)};
}

static void wipe_text(char *text)
{
	/* protobuf's own empty text is read-only */
	if (text[0])
		sodium_memzero(text, strlen(text));
}

static void contact_wipe(Punnet__V1__Contact *c)
{
	char *const all[] = {c->phone,       c->email, c->name,       c->first_name, c->last_name,
			     c->middle_name, c->ip,    c->consent_ip, c->phone_typed};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		wipe_text(all[i]);
}

static Punnet__V1__Contact *unseal(struct opener *o, const struct lead_id *lead_id,
				   const Punnet__V1__SealedContact *sealed, struct arena *a)
{
	Punnet__V1__Contact *contact = NULL;
	const uint8_t *key;

	if (sealed->nonce.len != SEAL_NONCE_LEN || sealed->box.len > CONTACT_MAX_BYTES)
		return NULL;
	key = keyring_day_key(o->keyring, sealed->key_day, false);
	buf_reset(&o->plain);
	/* A buffer that grew was wiped before: no copy stays behind. */
	if (key && seal_open(key, sealed->nonce.data, lead_id, codec_bytes(sealed->box), &o->plain))
		contact = codec_unpack(a, &punnet__v1__contact__descriptor, buf_slice(&o->plain));
	if (o->plain.data)
		sodium_memzero(o->plain.data, o->plain.cap);
	return contact;
}

enum opened opener_open(struct opener *o, const struct lead_id *lead_id,
			const Punnet__V1__SealedContact *sealed, struct arena *a,
			Punnet__V1__Contact **ret_contact)
{
	struct contact_prints prints;
	struct person person;
	Punnet__V1__Contact *contact;

	if (!sealed || !o->keyring)
		return OPEN_SEALED;
	person = person_of(sealed);
	if (opener_erased_at_ms(o, &person) != 0)
		return OPEN_ERASED;
	contact = unseal(o, lead_id, sealed, a);
	if (!contact)
		return OPEN_SEALED;
	if (person.phone.len == 0 && person.email.len == 0) {
		contact_prints_of(keyring_fingerprint_key(o->keyring), slice_cstr(contact->phone),
				  slice_cstr(contact->email), &prints);
		if (is_erased(o, &prints)) {
			contact_wipe(contact);
			return OPEN_ERASED;
		}
	}
	*ret_contact = contact;
	return OPENED;
}

void opener_free(struct opener *o)
{
	buf_free(&o->plain);
}
