/* The one way to a sealed contact: who is erased stays sealed, however the box names him, and old knowledge opens nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/timefmt.h"
#include "lead/codec.h"
#include "lead/contact_prints.h"
#include "runtime/opener.h"

#define DAY    20779
#define PHONE  "+79161234567"
#define ERASED 1795000000000

struct fixture {
	char dir[64];
	struct bus *bus;
	struct bus_producer *producer;
	struct opener opener;
	struct lead_id id;
	struct contact_prints prints;
	Punnet__V1__SealedContact sealed;
	uint8_t nonce[SEAL_NONCE_LEN];
	struct buf box;
	struct arena arena;
};

static void on_ack(_unused_ void *ctx, _unused_ uint64_t token, enum result r,
		   _unused_ int32_t partition, _unused_ int64_t offset)
{
	assert_int_equal(r, RESULT_OK);
}

static ProtobufCBinaryData print_of(struct fingerprint *f)
{
	return f->known ? (ProtobufCBinaryData){FINGERPRINT_LEN, f->bytes}
			: (ProtobufCBinaryData){0};
}

/* As the front door seals it. */
static void seal_contact(struct fixture *f, const char *phone, const char *email)
{
	_cleanup_(buf_free) struct buf plain = {0};
	Punnet__V1__Contact contact = PUNNET__V1__CONTACT__INIT;

	contact.phone = (char *)phone;
	contact.email = (char *)email;
	codec_pack(&contact.base, &plain);
	buf_reset(&f->box);
	seal(keyring_day_key(f->opener.keyring, DAY, true), f->nonce, &f->id, buf_slice(&plain),
	     &f->box);
	contact_prints_of(keyring_fingerprint_key(f->opener.keyring), slice_cstr(phone),
			  slice_cstr(email), &f->prints);
	punnet__v1__sealed_contact__init(&f->sealed);
	f->sealed.key_day = DAY;
	f->sealed.nonce = (ProtobufCBinaryData){SEAL_NONCE_LEN, f->nonce};
	f->sealed.box = (ProtobufCBinaryData){f->box.len, (uint8_t *)f->box.data};
	f->sealed.phone = print_of(&f->prints.phone);
	f->sealed.email = print_of(&f->prints.email);
	f->sealed.mailbox = print_of(&f->prints.mailbox);
}

static int set_up(void **state)
{
	static const struct bus_topic_spec topic = {
	    .name = "directory", .partitions = 1, .retention_ms = -1, .compact = true};
	struct bus_producer_options options = {.on_ack = on_ack, .max_in_flight = 100};
	struct fixture *f = calloc(1, sizeof(*f));
	size_t created;

	*state = f;
	strcpy(f->dir, "/tmp/punnet-opener-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->bus = bus_open("memory:", "opener_test", NULL);
	assert_int_equal(bus_topics_apply(f->bus, &topic, 1, 1000, &created, NULL), RESULT_OK);
	f->producer = bus_producer_open(f->bus, &options, NULL);
	f->opener.keyring = keyring_open(f->dir, true, NULL);
	f->opener.directory = directory_open(f->bus, 1000, NULL);
	assert_non_null(f->opener.keyring);
	assert_non_null(f->opener.directory);
	seal_contact(f, PHONE, "An.na@gmail.com");
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[128];

	opener_free(&f->opener);
	directory_close(f->opener.directory);
	keyring_free(f->opener.keyring);
	bus_producer_close(f->producer);
	bus_close(f->bus);
	buf_free(&f->box);
	arena_free(&f->arena);
	snprintf(command, sizeof(command), "rm -r '%s'", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static void store(struct fixture *f, struct slice id, struct slice value)
{
	assert_int_equal(
	    bus_produce(f->producer, "directory", 0, id, "punnet.v1.DirectoryEntry", value, 1),
	    RESULT_OK);
	assert_int_equal(bus_producer_flush(f->producer, 1000), RESULT_OK);
	assert_int_equal(directory_poll(f->opener.directory, NULL), RESULT_OK);
}

/* erased_at_ms 0: the entry goes. */
static void erase(struct fixture *f, const struct fingerprint *print, int64_t erased_at_ms)
{
	_cleanup_(buf_free) struct buf out = {0};
	Punnet__V1__DirectoryEntry entry = PUNNET__V1__DIRECTORY_ENTRY__INIT;
	Punnet__V1__Erasure erasure = PUNNET__V1__ERASURE__INIT;
	char hex[2 * FINGERPRINT_LEN + 1], id[64];

	assert_true(print->known);
	sodium_bin2hex(hex, sizeof(hex), print->bytes, FINGERPRINT_LEN);
	snprintf(id, sizeof(id), "erasure/%s", hex);
	erasure.erased_at_ms = erased_at_ms;
	entry.id = id;
	entry.entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ERASURE;
	entry.erasure = &erasure;
	if (erased_at_ms)
		codec_pack(&entry.base, &out);
	store(f, slice_cstr(id), buf_slice(&out));
}

static enum opened open_now(struct fixture *f)
{
	Punnet__V1__Contact *contact = NULL;
	enum opened opened = opener_open(&f->opener, &f->id, &f->sealed, &f->arena, &contact);

	assert_true((opened == OPENED) == (contact != NULL));
	if (contact)
		assert_string_equal(contact->phone, PHONE);
	return opened;
}

static void any_of_the_fingerprints_keeps_it_sealed(void **state)
{
	struct fixture *f = *state;
	struct fingerprint *const all[] = {&f->prints.phone, &f->prints.email, &f->prints.mailbox};

	assert_int_equal(open_now(f), OPENED);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		erase(f, all[i], ERASED);
		assert_int_equal(open_now(f), OPEN_ERASED);
		erase(f, all[i], 0);
		assert_int_equal(open_now(f), OPENED);
	}
	assert_int_equal(directory_count(f->opener.directory, "erasure"), 0);
}

static void somebody_else_who_is_erased_does_no_harm(void **state)
{
	struct fixture *f = *state;
	struct contact_prints other;

	contact_prints_of(keyring_fingerprint_key(f->opener.keyring), SLICE("+79161234568"),
			  SLICE("anna2@gmail.com"), &other);
	erase(f, &other.phone, ERASED);
	erase(f, &other.email, ERASED);
	erase(f, &other.mailbox, ERASED);
	assert_int_equal(open_now(f), OPENED);
}

/* The same mailbox in another spelling and case is the same person. */
static void another_spelling_of_the_mailbox_is_the_same_person(void **state)
{
	struct fixture *f = *state;
	struct contact_prints other;

	contact_prints_of(keyring_fingerprint_key(f->opener.keyring), (struct slice){0},
			  SLICE("ANNA+shop@gmail.com"), &other);
	erase(f, &other.mailbox, ERASED);
	assert_int_equal(open_now(f), OPEN_ERASED);
}

/* Boxes of earlier versions name nobody outside. */
static void a_box_that_names_nobody_is_recognised_when_it_is_open(void **state)
{
	struct fixture *f = *state;

	f->sealed.phone = f->sealed.email = f->sealed.mailbox = (ProtobufCBinaryData){0};
	assert_int_equal(open_now(f), OPENED);
	erase(f, &f->prints.email, ERASED);
	assert_int_equal(open_now(f), OPEN_ERASED);
}

static void the_last_erasure_counts_and_a_restart_knows_it(void **state)
{
	struct fixture *f = *state;
	struct person person = {.phone = slice_of(f->prints.phone.bytes, FINGERPRINT_LEN),
				.email = slice_of(f->prints.email.bytes, FINGERPRINT_LEN)};

	erase(f, &f->prints.phone, ERASED);
	erase(f, &f->prints.email, ERASED + 5);
	directory_close(f->opener.directory);
	f->opener.directory = directory_open(f->bus, 1000, NULL);
	assert_int_equal(opener_erased_at_ms(&f->opener, &person), ERASED + 5);
	person.phone = person.email = (struct slice){0};
	assert_int_equal(opener_erased_at_ms(&f->opener, &person), 0);
	assert_int_equal(directory_count(f->opener.directory, "erasure"), 2);
}

static void without_its_key_it_stays_sealed(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(keyring_destroy_day(f->opener.keyring, DAY, NULL), RESULT_OK);
	assert_int_equal(open_now(f), OPEN_SEALED);
	f->sealed.key_day = 0;
	f->sealed.nonce.len = 3;
	assert_int_equal(open_now(f), OPEN_SEALED);
}

/* What is stored and not polled yet is read before the answer, when the last look is too long ago. */
static void old_knowledge_is_renewed_before_anything_is_opened(void **state)
{
	struct fixture *f = *state;

	assert_true(opener_sure(&f->opener));
	assert_true(directory_current(f->opener.directory, 1000));
	assert_false(directory_current(f->opener.directory, 0));
	usleep((DIRECTORY_RENEW_MS + 20) * 1000);
	assert_true(directory_current(f->opener.directory, 1000));
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH(any_of_the_fingerprints_keeps_it_sealed),
	    WITH(somebody_else_who_is_erased_does_no_harm),
	    WITH(another_spelling_of_the_mailbox_is_the_same_person),
	    WITH(a_box_that_names_nobody_is_recognised_when_it_is_open),
	    WITH(the_last_erasure_counts_and_a_restart_knows_it),
	    WITH(without_its_key_it_stays_sealed),
	    WITH(old_knowledge_is_renewed_before_anything_is_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
