/* punnet erase: a person's data, out of reach from now on. Writes into the directory, by fingerprint only: that the person is
 * suppressed, then that the person is erased; every service that can open a contact follows it. The contact itself goes with the
 * key of its day: `punnet keys rotate`. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "person.h"
#include "runtime/clock.h"
#include "runtime/keyring.h"
#include "runtime/opener.h"

#define WHY_MAX_BYTES 500
#define PRINTS        3 /* phone, e-mail, mailbox */

struct erase {
	struct tool *tool;
	struct directory *directory;
	struct keyring *keyring;
	const char *who, *why;
	bool dry_run;
	int64_t now_ms;
	size_t written, suppressions, standing;
	struct error error;
};

static enum result put(struct erase *x, Punnet__V1__DirectoryEntry *entry, const char *kind,
		       const char *hex)
{
	const Punnet__V1__DirectoryEntry *old = directory_get(x->directory, kind, slice_cstr(hex));
	char id[64];

	snprintf(id, sizeof(id), "%s/%s", kind, hex);
	entry->id = id;
	entry->revision = (old ? old->revision : 0) + 1;
	if (x->dry_run)
		return RESULT_OK;
	return tool_produce(x->tool, "directory", 0, slice_cstr(id), &entry->base, &x->error);
}

static ProtobufCBinaryData print_bytes(struct fingerprint *f)
{
	return f->known ? (ProtobufCBinaryData){FINGERPRINT_LEN, f->bytes}
			: (ProtobufCBinaryData){0};
}

/* Who is suppressed already stays so, for the reason that stands there. The mailbox goes with the address. */
static enum result suppress(struct erase *x, struct fingerprint *phone, struct fingerprint *email,
			    struct fingerprint *mailbox)
{
	Punnet__V1__DirectoryEntry entry = PUNNET__V1__DIRECTORY_ENTRY__INIT;
	Punnet__V1__Suppression s = PUNNET__V1__SUPPRESSION__INIT;
	const struct fingerprint *id = phone ? phone : email;
	char hex[2 * FINGERPRINT_LEN + 1];
	const Punnet__V1__DirectoryEntry *old;

	if (!id->known)
		return RESULT_OK;
	sodium_bin2hex(hex, sizeof(hex), id->bytes, FINGERPRINT_LEN);
	old = directory_get(x->directory, "suppression", slice_cstr(hex));
	if (old && (!mailbox || !mailbox->known || old->suppression->mailbox.len > 0))
		return RESULT_OK;
	s.reason_code = (char *)"erased";
	if (old)
		s = *old->suppression;
	if (phone)
		s.phone = print_bytes(phone);
	if (email)
		s.email = print_bytes(email);
	if (mailbox)
		s.mailbox = print_bytes(mailbox);
	entry.entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_SUPPRESSION;
	entry.suppression = &s;
	x->suppressions++;
	return put(x, &entry, "suppression", hex);
}

static enum result erase_print(struct erase *x, const struct fingerprint *f)
{
	Punnet__V1__DirectoryEntry entry = PUNNET__V1__DIRECTORY_ENTRY__INIT;
	Punnet__V1__Erasure e = PUNNET__V1__ERASURE__INIT;
	char hex[2 * FINGERPRINT_LEN + 1];

	if (!f->known)
		return RESULT_OK;
	sodium_bin2hex(hex, sizeof(hex), f->bytes, FINGERPRINT_LEN);
	x->standing += directory_get(x->directory, "erasure", slice_cstr(hex)) != NULL;
	e.erased_at_ms = x->now_ms;
	e.who = (char *)x->who;
	e.why = (char *)x->why;
	entry.entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ERASURE;
	entry.erasure = &e;
	x->written++;
	return put(x, &entry, "erasure", hex);
}

static enum result write_entries(struct erase *x, struct contact_prints *prints)
{
	struct fingerprint *const all[PRINTS] = {&prints->phone, &prints->email, &prints->mailbox};
	enum result r;

	/* A lead that comes after the erasure must find the suppression there. */
	r = suppress(x, &prints->phone, NULL, NULL);
	if (r == RESULT_OK)
		r = suppress(x, NULL, &prints->email, &prints->mailbox);
	for (size_t i = 0; i < PRINTS && r == RESULT_OK; i++)
		r = erase_print(x, all[i]);
	return r == RESULT_OK && !x->dry_run ? tool_flush(x->tool, &x->error) : r;
}

/* A process that was stopped, or that lost the brokers, opens nothing when it has not read the directory for so long. */
static void wait_until_in_force(const struct erase *x, int64_t stored_at_ms)
{
	int64_t left_ms = stored_at_ms + ERASURE_IN_FORCE_MS - clock_monotonic_ms();

	if (x->tool->terminal)
		fprintf(stderr, "stored; in force everywhere in %lld s\n",
			(long long)(left_ms + 999) / 1000);
	if (left_ms > 0)
		(void)usleep((useconds_t)left_ms * 1000);
}

/* The last key that may have sealed the person is gone by then, when `punnet keys rotate` runs daily. */
static void say(const struct erase *x)
{
	uint32_t key_days = (uint32_t)config_int(x->tool->config, "privacy", "key_days");
	char at[TIME_TEXT_LEN + 1], gone[KEYRING_DATE_LEN + 1];

	time_text(x->now_ms, at);
	keyring_date(time_day(x->now_ms) + key_days, gone);
	if (x->tool->json)
		printf("{\"erased_at\":\"%s\",\"fingerprints\":%zu,\"erased_before\":%zu,"
		       "\"suppressions\":%zu,\"written\":%s,\"keys_gone_by\":\"%s\"}\n",
		       at, x->written, x->standing, x->suppressions, x->dry_run ? "false" : "true",
		       gone);
	else
		printf("%s %s: %zu fingerprints (%zu were erased before), %zu suppressions added\n"
		       "%s; what is sealed stays sealed for good from %s on, when `punnet keys "
		       "rotate` runs daily\n",
		       x->dry_run ? "would erase at" : "erased at", at, x->written, x->standing,
		       x->suppressions,
		       x->dry_run ? "nothing is written"
				  : "in force: no service opens a contact of it",
		       gone);
}

static int run(struct erase *x, const struct person_given *given)
{
	size_t standing = directory_count(x->directory, "erasure");
	struct contact_prints prints;
	enum result r;

	person_prints(given, x->keyring, &prints);
	if (standing + PRINTS > ERASURES_MAX)
		return tool_fail("erase",
				 error_set(&x->error, RESULT_BAD,
					   "%zu erasures stand, and %d may; `punnet keys rotate` "
					   "clears those whose keys are gone",
					   standing, ERASURES_MAX),
				 &x->error);
	x->now_ms = clock_now_ms();
	r = write_entries(x, &prints);
	if (r != RESULT_OK)
		return tool_fail("erase", r, &x->error);
	if (!x->dry_run)
		wait_until_in_force(x, clock_monotonic_ms());
	say(x);
	return TOOL_DONE;
}

static const char *usage_fault(const struct erase *x, struct person_given *given, int argc)
{
	const char *fault = person_read(given);

	if (fault)
		return fault;
	if (argc != 1)
		return "expected options only";
	if (strlen(x->why) > WHY_MAX_BYTES)
		return "expected --why TEXT of at most 500 bytes";
	if (!x->who || !x->who[0])
		return "expected --who NAME: it stands in the directory";
	if (person_is_named(given, x->why) || person_is_named(given, x->who))
		return "--why and --who stand in the directory: they must not name the contact";
	return NULL;
}

int command_erase(struct tool *t, int argc, char **argv)
{
	struct person_given given = {0};
	struct erase x = {.tool = t};
	const char *fault;
	int status;

	person_options(&given, &argc, argv);
	x.who = tool_option(&argc, argv, "--who");
	x.why = tool_option(&argc, argv, "--why");
	x.dry_run = tool_flag(&argc, argv, "--dry-run");
	if (!x.who)
		x.who = getenv("USER");
	if (!x.why)
		x.why = "";
	fault = usage_fault(&x, &given, argc);
	if (fault)
		return tool_usage("erase", "%s", fault);
	if (!tool_bus(t, "erase"))
		return TOOL_AWAY;
	x.keyring = keyring_open(config_text(t->config, "common", "keys_dir"), false, &x.error);
	x.directory = x.keyring ? directory_open(t->bus, TOOL_TIMEOUT_MS, &x.error) : NULL;
	status = x.directory ? run(&x, &given)
			     : tool_fail("erase", x.keyring ? RESULT_AWAY : RESULT_BAD, &x.error);
	directory_close(x.directory);
	keyring_free(x.keyring);
	return status;
}
