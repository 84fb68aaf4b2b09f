/* Who bears a key, as the directory says at the moment, whatever was remembered of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sodium.h>

#include "collector/shell/known.h"
#include "lead/codec.h"

struct fixture {
	struct bus *bus;
	struct bus_producer *producer;
	struct directory *directory;
	struct known known;
};

static void on_ack(_unused_ void *ctx, _unused_ uint64_t token, enum result r,
		   _unused_ int32_t partition, _unused_ int64_t offset)
{
	assert_int_equal(r, RESULT_OK);
}

static void put(struct fixture *f, const Punnet__V1__DirectoryEntry *entry)
{
	struct buf out = {0};

	codec_pack(&entry->base, &out);
	assert_int_equal(bus_produce(f->producer, "directory", 0, slice_cstr(entry->id),
				     "punnet.v1.DirectoryEntry", buf_slice(&out), 1),
			 RESULT_OK);
	assert_int_equal(bus_producer_flush(f->producer, 1000), RESULT_OK);
	buf_free(&out);
	if (f->directory)
		assert_int_equal(directory_poll(f->directory, NULL), RESULT_OK);
}

static void put_party(struct fixture *f, bool webmaster, const char *id, const char *key,
		      bool revoked)
{
	Punnet__V1__DirectoryEntry entry = PUNNET__V1__DIRECTORY_ENTRY__INIT;
	Punnet__V1__Webmaster w = PUNNET__V1__WEBMASTER__INIT;
	Punnet__V1__Advertiser a = PUNNET__V1__ADVERTISER__INIT;
	Punnet__V1__ApiKey api_key = PUNNET__V1__API_KEY__INIT, *keys[] = {&api_key};
	uint8_t hash[32];

	crypto_generichash(hash, sizeof(hash), (const uint8_t *)key, strlen(key), NULL, 0);
	api_key.key_hash = (ProtobufCBinaryData){sizeof(hash), hash};
	api_key.revoked = revoked;
	w.keys = a.keys = keys;
	w.n_keys = a.n_keys = 1;
	entry.id = (char *)(uintptr_t)id;
	entry.entry_case = webmaster ? PUNNET__V1__DIRECTORY_ENTRY__ENTRY_WEBMASTER
				     : PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ADVERTISER;
	if (webmaster)
		entry.webmaster = &w;
	else
		entry.advertiser = &a;
	put(f, &entry);
}

static void put_vertical(struct fixture *f, const char *id, bool required)
{
	Punnet__V1__DirectoryEntry entry = PUNNET__V1__DIRECTORY_ENTRY__INIT;
	Punnet__V1__Vertical vertical = PUNNET__V1__VERTICAL__INIT;
	Punnet__V1__VerticalField field = PUNNET__V1__VERTICAL_FIELD__INIT, *fields[] = {&field};

	field.name = (char *)(uintptr_t) "amount";
	field.required = required;
	vertical.fields = fields;
	vertical.n_fields = 1;
	entry.id = (char *)(uintptr_t)id;
	entry.entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_VERTICAL;
	entry.vertical = &vertical;
	put(f, &entry);
}

static int open_world(void **state)
{
	static const struct bus_topic_spec topic = {
	    .name = "directory", .partitions = 1, .retention_ms = -1, .compact = true};
	struct bus_producer_options options = {.on_ack = on_ack, .max_in_flight = 1000};
	struct fixture *f = calloc(1, sizeof(*f));
	size_t created;

	*state = f;
	f->bus = bus_open("memory:", "known_test", NULL);
	assert_non_null(f->bus);
	assert_int_equal(bus_topics_apply(f->bus, &topic, 1, 1000, &created, NULL), RESULT_OK);
	f->producer = bus_producer_open(f->bus, &options, NULL);
	assert_non_null(f->producer);
	put_party(f, true, "webmaster/w1", "key-1", false);
	put_party(f, false, "advertiser/a1", "key-a", false);
	f->directory = directory_open(f->bus, 5000, NULL);
	assert_non_null(f->directory);
	known_open(&f->known, f->directory);
	return 0;
}

static int close_world(void **state)
{
	struct fixture *f = *state;

	directory_close(f->directory);
	bus_producer_close(f->producer);
	bus_close(f->bus);
	free(f);
	return 0;
}

static const char *bearer(struct fixture *f, const char *kind, const char *key)
{
	const struct known_party *p = known_party(&f->known, kind, slice_cstr(key));

	return p ? p->id.data : "nobody";
}

static void a_key_opens_its_own_door_only_however_often_it_is_shown(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++) {
		assert_string_equal(bearer(f, "webmaster", "key-1"), "w1");
		assert_string_equal(bearer(f, "advertiser", "key-a"), "a1");
		assert_string_equal(bearer(f, "advertiser", "key-1"), "nobody");
		assert_string_equal(bearer(f, "webmaster", "key-a"), "nobody");
		assert_string_equal(bearer(f, "webmaster", "key-2"), "nobody");
		assert_string_equal(bearer(f, "webmaster", ""), "nobody");
	}
}

static void a_key_that_is_revoked_or_given_away_is_so_at_once(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(bearer(f, "webmaster", "key-1"), "w1");
	put_party(f, true, "webmaster/w1", "key-1", true);
	assert_string_equal(bearer(f, "webmaster", "key-1"), "nobody");
	put_party(f, true, "webmaster/w2", "key-1", false);
	assert_string_equal(bearer(f, "webmaster", "key-1"), "w2");
}

static void more_keys_than_there_are_places_are_all_known(void **state)
{
	struct fixture *f = *state;
	char id[64], key[64];

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 2 * KNOWN_PARTIES; i++) {
			snprintf(id, sizeof(id), "webmaster/many%d", i);
			snprintf(key, sizeof(key), "many-key-%d", i);
			if (round == 0)
				put_party(f, true, id, key, false);
			assert_string_equal(bearer(f, "webmaster", key), id + 10);
		}
	}
}

static void a_vertical_is_the_one_of_that_name_as_it_is_now(void **state)
{
	struct fixture *f = *state;
	char id[64];

	assert_null(known_vertical(&f->known, SLICE("osago")));
	assert_null(known_vertical(&f->known, SLICE("")));
	put_vertical(f, "vertical/osago", false);
	for (int i = 0; i < 2; i++) {
		assert_false(known_vertical(&f->known, SLICE("osago"))->fields[0]->required);
		assert_null(known_vertical(&f->known, SLICE("osagO")));
	}
	put_vertical(f, "vertical/osago", true);
	assert_true(known_vertical(&f->known, SLICE("osago"))->fields[0]->required);
	for (int i = 0; i < 2 * KNOWN_VERTICALS; i++) {
		snprintf(id, sizeof(id), "vertical/v%d", i);
		put_vertical(f, id, i % 2);
	}
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 2 * KNOWN_VERTICALS; i++) {
			snprintf(id, sizeof(id), "v%d", i);
			assert_int_equal(
			    known_vertical(&f->known, slice_cstr(id))->fields[0]->required, i % 2);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_key_opens_its_own_door_only_however_often_it_is_shown,
					    open_world, close_world),
	    cmocka_unit_test_setup_teardown(a_key_that_is_revoked_or_given_away_is_so_at_once,
					    open_world, close_world),
	    cmocka_unit_test_setup_teardown(more_keys_than_there_are_places_are_all_known,
					    open_world, close_world),
	    cmocka_unit_test_setup_teardown(a_vertical_is_the_one_of_that_name_as_it_is_now,
					    open_world, close_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
