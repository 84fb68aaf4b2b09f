/* The directory as it follows its topic: entries, tombstones, keys, and what it does with records that are no entries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sodium.h>

#include "lead/codec.h"
#include "runtime/directory.h"
#include "runtime/metrics.h"

struct fixture {
	struct bus *bus;
	struct bus_producer *producer;
	struct directory *directory;
};

static void on_ack(_unused_ void *ctx, _unused_ uint64_t token, enum result r,
		   _unused_ int32_t partition, _unused_ int64_t offset)
{
	assert_int_equal(r, RESULT_OK);
}

static int open_bus(void **state)
{
	static const struct bus_topic_spec topic = {
	    .name = "directory", .partitions = 1, .retention_ms = -1, .compact = true};
	struct bus_producer_options options = {.on_ack = on_ack, .max_in_flight = 100};
	struct fixture *f = calloc(1, sizeof(*f));
	size_t created;

	*state = f;
	f->bus = bus_open("memory:", "directory_test", NULL);
	assert_non_null(f->bus);
	assert_int_equal(bus_topics_apply(f->bus, &topic, 1, 1000, &created, NULL), RESULT_OK);
	f->producer = bus_producer_open(f->bus, &options, NULL);
	assert_non_null(f->producer);
	return 0;
}

static int close_bus(void **state)
{
	struct fixture *f = *state;

	directory_close(f->directory);
	bus_producer_close(f->producer);
	bus_close(f->bus);
	free(f);
	return 0;
}

static void put_bytes(struct fixture *f, const char *id, struct slice value)
{
	assert_int_equal(bus_produce(f->producer, "directory", 0, slice_cstr(id),
				     "punnet.v1.DirectoryEntry", value, 1),
			 RESULT_OK);
	assert_int_equal(bus_producer_flush(f->producer, 1000), RESULT_OK);
}

static void put(struct fixture *f, Punnet__V1__DirectoryEntry *entry)
{
	struct buf out = {0};

	codec_pack(&entry->base, &out);
	put_bytes(f, entry->id, buf_slice(&out));
	buf_free(&out);
}

/* A webmaster with one key, or none. */
static void put_webmaster(struct fixture *f, const char *id, const char *name, const char *key,
			  bool revoked)
{
	Punnet__V1__DirectoryEntry entry = PUNNET__V1__DIRECTORY_ENTRY__INIT;
	Punnet__V1__Webmaster webmaster = PUNNET__V1__WEBMASTER__INIT;
	Punnet__V1__ApiKey api_key = PUNNET__V1__API_KEY__INIT, *keys[] = {&api_key};
	uint8_t hash[32];

	if (key) {
		crypto_generichash(hash, sizeof(hash), (const uint8_t *)key, strlen(key), NULL, 0);
		api_key.key_hash = (ProtobufCBinaryData){sizeof(hash), hash};
		api_key.revoked = revoked;
		webmaster.keys = keys;
		webmaster.n_keys = 1;
	}
	webmaster.name = (char *)name;
	entry.id = (char *)id;
	entry.entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_WEBMASTER;
	entry.webmaster = &webmaster;
	put(f, &entry);
}

static void open_directory(struct fixture *f)
{
	struct error error = {0};

	f->directory = directory_open(f->bus, 5000, &error);
	if (!f->directory)
		fail_msg("%s", error.text);
}

static void follow(struct fixture *f)
{
	assert_int_equal(directory_poll(f->directory, NULL), RESULT_OK);
}

static const char *name_of(struct fixture *f, const char *id)
{
	const Punnet__V1__DirectoryEntry *e =
	    directory_get(f->directory, "webmaster", slice_cstr(id));

	return e ? e->webmaster->name : NULL;
}

static bool key_opens(struct fixture *f, const char *kind, const char *key, const char *expected_id)
{
	struct slice id = {0};

	return directory_by_key(f->directory, kind, slice_cstr(key), &id) &&
	       slice_is(id, expected_id);
}

static void what_was_there_is_known_at_once_and_changes_follow(void **state)
{
	struct fixture *f = *state;
	uint64_t version;

	put_webmaster(f, "webmaster/w1", "one", NULL, false);
	put_webmaster(f, "webmaster/w2", "two", NULL, false);
	open_directory(f);
	assert_string_equal(name_of(f, "w1"), "one");
	assert_string_equal(name_of(f, "w2"), "two");
	assert_null(name_of(f, "w3"));
	version = directory_version(f->directory);

	follow(f);
	assert_int_equal(directory_version(f->directory), version);
	put_webmaster(f, "webmaster/w1", "uno", NULL, false);
	follow(f);
	assert_string_equal(name_of(f, "w1"), "uno");
	assert_true(directory_version(f->directory) > version);
}

static void an_empty_directory_is_fine(void **state)
{
	struct fixture *f = *state;
	const Punnet__V1__DirectoryEntry *entry;

	open_directory(f);
	assert_false(directory_at(f->directory, 0, &entry));
	assert_null(directory_get(f->directory, "webmaster", SLICE("w1")));
}

static void a_tombstone_deletes_entry_and_keys(void **state)
{
	struct fixture *f = *state;

	put_webmaster(f, "webmaster/w1", "one", "key-one", false);
	open_directory(f);
	assert_true(key_opens(f, "webmaster", "key-one", "w1"));
	put_bytes(f, "webmaster/w1", (struct slice){0});
	follow(f);
	assert_null(name_of(f, "w1"));
	assert_false(key_opens(f, "webmaster", "key-one", "w1"));
	put_bytes(f, "webmaster/w1", (struct slice){0});
	follow(f);
}

static void a_key_is_its_owners_until_it_is_revoked_or_replaced(void **state)
{
	struct fixture *f = *state;

	put_webmaster(f, "webmaster/w1", "one", "key-one", false);
	put_webmaster(f, "webmaster/w2", "two", "key-two", true);
	open_directory(f);
	assert_true(key_opens(f, "webmaster", "key-one", "w1"));
	assert_false(key_opens(f, "advertiser", "key-one", "w1"));
	assert_false(key_opens(f, "webmaster", "key-two", "w2"));
	assert_false(key_opens(f, "webmaster", "", "w1"));

	put_webmaster(f, "webmaster/w1", "one", "key-new", false);
	follow(f);
	assert_false(key_opens(f, "webmaster", "key-one", "w1"));
	assert_true(key_opens(f, "webmaster", "key-new", "w1"));
	put_webmaster(f, "webmaster/w1", "one", "key-new", true);
	follow(f);
	assert_false(key_opens(f, "webmaster", "key-new", "w1"));
}

static void a_record_that_is_no_entry_is_skipped_and_counted(void **state)
{
	struct fixture *f = *state;
	int64_t before = metric_value(METRIC_DIRECTORY_SKIPPED);
	Punnet__V1__DirectoryEntry empty = PUNNET__V1__DIRECTORY_ENTRY__INIT;

	put_webmaster(f, "webmaster/w1", "one", NULL, false);
	put_bytes(f, "webmaster/w1", SLICE("\xff\xff nonsense"));
	put_bytes(f, "nobody/knows", SLICE("x"));
	put_webmaster(f, "advertiser/w1", "a webmaster under a wrong name", NULL, false);
	empty.id = (char *)"webmaster/w1";
	put(f, &empty);
	put_webmaster(f, "webmaster/w2", "two", NULL, false);
	open_directory(f);
	assert_string_equal(name_of(f, "w1"), "one");
	assert_string_equal(name_of(f, "w2"), "two");
	assert_int_equal(metric_value(METRIC_DIRECTORY_SKIPPED) - before, 4);
	assert_int_equal(metric_value(METRIC_DIRECTORY_ENTRIES), 2);
}

static void entries_stand_in_order_of_arrival(void **state)
{
	static const char *const expected[] = {"webmaster/w1", "webmaster/w3", "webmaster/w4"};
	struct fixture *f = *state;
	const Punnet__V1__DirectoryEntry *entry;

	put_webmaster(f, "webmaster/w1", "one", NULL, false);
	put_webmaster(f, "webmaster/w2", "two", NULL, false);
	put_webmaster(f, "webmaster/w3", "three", NULL, false);
	put_bytes(f, "webmaster/w2", (struct slice){0});
	put_webmaster(f, "webmaster/w4", "four", NULL, false);
	put_webmaster(f, "webmaster/w1", "uno", NULL, false);
	open_directory(f);
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		assert_true(directory_at(f->directory, i, &entry));
		assert_string_equal(entry->id, expected[i]);
	}
	assert_false(directory_at(f->directory, ARRAY_LEN(expected), &entry));
}

static void a_pointer_stays_good_until_the_loop_turns(void **state)
{
	struct fixture *f = *state;
	const Punnet__V1__DirectoryEntry *held;

	put_webmaster(f, "webmaster/w1", "one", NULL, false);
	open_directory(f);
	held = directory_get(f->directory, "webmaster", SLICE("w1"));
	put_bytes(f, "webmaster/w1", (struct slice){0});
	follow(f);
	assert_string_equal(held->webmaster->name,
			    "one"); /* the sanitizer would say if it were gone */
	follow(f);
}

static void an_id_with_a_nul_or_too_long_is_nobody(void **state)
{
	struct fixture *f = *state;
	char longest[400];

	memset(longest, 'w', sizeof(longest));
	put_webmaster(f, "webmaster/w", "w", NULL, false);
	open_directory(f);
	assert_null(directory_get(f->directory, "webmaster", SLICE("w\0x")));
	assert_null(directory_get(f->directory, "webmaster", slice_of(longest, sizeof(longest))));
}

static void without_its_topic_it_says_how_to_make_it(_unused_ void **state)
{
	struct bus *bus = bus_open("memory:", "directory_test", NULL);
	struct error error = {0};

	assert_null(directory_open(bus, 100, &error));
	assert_non_null(strstr(error.text, "punnet topics apply"));
	bus_close(bus);
}

#define ON_BUS(test) cmocka_unit_test_setup_teardown(test, open_bus, close_bus)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    ON_BUS(what_was_there_is_known_at_once_and_changes_follow),
	    ON_BUS(an_empty_directory_is_fine),
	    ON_BUS(a_tombstone_deletes_entry_and_keys),
	    ON_BUS(a_key_is_its_owners_until_it_is_revoked_or_replaced),
	    ON_BUS(a_record_that_is_no_entry_is_skipped_and_counted),
	    ON_BUS(entries_stand_in_order_of_arrival),
	    ON_BUS(a_pointer_stays_good_until_the_loop_turns),
	    ON_BUS(an_id_with_a_nul_or_too_long_is_nobody),
	    cmocka_unit_test(without_its_topic_it_says_how_to_make_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
