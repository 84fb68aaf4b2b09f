/* person: whom a command of privacy is about: what the operator gave, as keyed fingerprints. What was given is never printed. */
#ifndef PUNNET_TOOL_PERSON_H
#define PUNNET_TOOL_PERSON_H

#include "lead/contact.h"
#include "lead/contact_prints.h"
#include "tool.h"

struct keyring;

struct person_given {
	const char *phone, *email, *country; /* options; NULL: not given */
	char phone_text[PHONE_TEXT_MAX], email_text[EMAIL_TEXT_MAX + 1];
};

/* Takes --phone, --email and --country out of argv. */
void person_options(struct person_given *p, int *argc, char **argv);
/* NULL, or what is wrong with what was given. Normalises it as the front door does. */
_must_use_ const char *person_read(struct person_given *p);
/* Does the text hold what was given? It must not, where it goes into a log. */
bool person_is_named(const struct person_given *p, const char *text);
void person_prints(const struct person_given *p, const struct keyring *keyring,
		   struct contact_prints *ret);

#endif
