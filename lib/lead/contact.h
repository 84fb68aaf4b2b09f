/* contact: how phones, e-mails and names are made comparable. Pure; no locale, no data files at run time. */
#ifndef PUNNET_CONTACT_H
#define PUNNET_CONTACT_H

#include "base/slice.h"

#define PHONE_TEXT_MAX                                                                             \
	24 /* '+' and at most 15 digits (E.164), with room for what was typed wrongly */
#define EMAIL_TEXT_MAX 254 /* RFC 5321, 4.5.3.1.3 */

enum phone_form {
	PHONE_E164, /* ret holds '+', country code, national number; the length fits the numbering plan */
	PHONE_DIGITS, /* no plan fits: ret holds the digits as typed, no '+'; still good for a fingerprint */
	PHONE_NOT_DIGITS, /* nothing that could be a phone: fewer than 5 digits, more than 15, or foreign characters */
};

/* Strips separators ( -.()/ and spaces, also U+00A0 and full-width digits), reads "+", "00", the country's trunk prefix
 * ("8" in RU, "0" in most) and fits what is left to the plan of `country` (ISO 3166-1 alpha-2, may be empty).
 * "8 (916) 123 45 67" with RU, "+7 916 123-45-67" and "9161234567" with RU all give "+79161234567". */
enum phone_form phone_normalise(struct slice typed, struct slice country, char ret[PHONE_TEXT_MAX]);

enum email_form {
	EMAIL_OK,
	EMAIL_NO_AT,
	EMAIL_BAD_LOCAL,
	EMAIL_BAD_DOMAIN,
	EMAIL_TOO_LONG,
};

/* Trims, lower-cases the domain (and the local part for the fingerprint form), converts IDN domains to A-labels
 * (libidn2). The RFC 5321 subset that mailboxes really use: dot-atom local part, or SMTPUTF8 letters; no quoted local
 * parts, no address literals. ret holds the normalised address, or the trimmed input where the form is not EMAIL_OK
 * (cut at EMAIL_TEXT_MAX). */
enum email_form email_normalise(struct slice typed, char ret[EMAIL_TEXT_MAX + 1]);
const char *
email_form_code(enum email_form form); /* stable reason detail: "no_at", "bad_domain", … */

/* normalised: as email_normalise() left it, in lower case. ret holds the one spelling of its mailbox, for providers that are
 * known to deliver several spellings to one. false, ret untouched or cut: the provider is not known to. */
_must_use_ bool email_canonical(struct slice normalised, char ret[EMAIL_TEXT_MAX + 1]);

/* Two upper-case letters that are an assigned ISO 3166-1 alpha-2 code. */
bool country_known(struct slice code);

#endif
