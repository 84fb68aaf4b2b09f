/* contact_prints: see contact_prints.h. */
#include "contact_prints.h"

#include "contact.h"

/* Mailboxes are the same whatever case their owner types. */
static size_t fold(struct slice email, char ret[EMAIL_TEXT_MAX + 1])
{
	size_t len = MIN_OF(email.len, (size_t)EMAIL_TEXT_MAX);

	for (size_t i = 0; i < len; i++) {
		char c = email.data[i];

		ret[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
	}
	return len;
}

void contact_prints_of(const uint8_t key[FINGERPRINT_KEY_LEN], struct slice phone,
		       struct slice email, struct contact_prints *ret)
{
	char folded[EMAIL_TEXT_MAX + 1], mailbox[EMAIL_TEXT_MAX + 1];
	struct slice address = slice_of(folded, fold(email, folded));

	if (!email_canonical(address, mailbox))
		mailbox[0] = '\0';
	ret->phone = fingerprint_of(key, FINGERPRINT_PHONE, phone);
	ret->email = fingerprint_of(key, FINGERPRINT_EMAIL, address);
	ret->mailbox = fingerprint_of(key, FINGERPRINT_MAILBOX, slice_cstr(mailbox));
}
