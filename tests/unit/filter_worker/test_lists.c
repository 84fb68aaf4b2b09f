/* Named lists: what is compiled is found again and nothing else is; damage is refused; a new file is taken over whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* cmocka.h wants the above before it */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/rng.h"
#include "filter-worker/core/filter.h"
#include "filter-worker/core/named_lists_build.h"
#include "filter-worker/core/named_lists_format.h"
#include "filter-worker/shell/lists_open.h"

#define MANY   20000
#define DAY_MS (int64_t)1717545600000 /* 2024-06-05 */

struct made {
	struct named_lists_builder *builder;
	struct buf bytes;
	struct lists lists;
};

static void add(struct made *m, enum list_name name, const char *entry, const char *owner)
{
	const char *why = named_lists_add(m->builder, name, slice_cstr(entry), slice_cstr(owner));

	if (why)
		fail_msg("%s: %s", entry, why);
}

static void made_open(struct made *m)
{
	struct error error = {0};

	named_lists_write(m->builder, &m->bytes);
	assert_false(m->bytes.failed);
	m->lists.named = named_lists_open(buf_slice(&m->bytes), &error);
	if (!m->lists.named)
		fail_msg("%s", error.text);
}

static void made_free(struct made *m)
{
	named_lists_free((struct named_lists *)m->lists.named);
	named_lists_builder_free(m->builder);
	buf_free(&m->bytes);
}

static bool has(const struct made *m, enum list_name name, const char *entry)
{
	return named_lists_has(&m->lists, name, slice_cstr(entry));
}

/* One entry of each kind. */
static struct made small_lists(void)
{
	struct made m = {.builder = named_lists_builder_new()};

	add(&m, LIST_DISPOSABLE_DOMAINS, "Mailinator.COM", NULL);
	add(&m, LIST_DISPOSABLE_DOMAINS, "почта.рф", NULL);
	add(&m, LIST_FREE_DOMAINS, "mail.ru", NULL);
	add(&m, LIST_BIG_DOMAINS, "gmail.com", NULL);
	add(&m, LIST_BIG_DOMAINS, "mail.ru", NULL);
	add(&m, LIST_ROLE_MAILBOXES, "Info", NULL);
	add(&m, LIST_PROFANITY, "Ёжик", NULL);
	add(&m, LIST_TEST_WORDS, "TÉST", NULL);
	add(&m, LIST_DISPOSABLE_PHONES, "+79161234567 2024-06-05", NULL);
	add(&m, LIST_DISPOSABLE_PHONES, "79161234567 2020-01-01", NULL);
	add(&m, LIST_DISPOSABLE_PHONES, "+79161234568", NULL);
	add(&m, LIST_CONSENT_TEXTS,
	    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", NULL);
	add(&m, LIST_CUSTOMERS, "00112233445566778899aabbccddeeff", "bank-b");
	add(&m, LIST_CUSTOMERS, "00112233445566778899AABBCCDDEEFF", "bank-a");
	add(&m, LIST_CUSTOMERS, "00112233445566778899aabbccddeeff", "bank-b");
	add(&m, LIST_CUSTOMERS, "0011223344556677aaaaaaaaaaaaaaaa", "bank-c");
	made_open(&m);
	return m;
}

static void every_kind_of_entry_is_found_in_the_spelling_that_looks_use(void **state)
{
	static const uint8_t key[LIST_KEY_LEN] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
						  0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
	static const uint8_t other[LIST_KEY_LEN] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77};
	struct made m = small_lists();
	struct slice text;
	int64_t seen_ms;
	size_t at = 0;

	(void)state;
	assert_true(has(&m, LIST_DISPOSABLE_DOMAINS, "mailinator.com"));
	assert_true(has(&m, LIST_DISPOSABLE_DOMAINS, "xn--80a1acny.xn--p1ai"));
	assert_false(has(&m, LIST_DISPOSABLE_DOMAINS, "mail.ru"));
	assert_true(
	    named_lists_has_domain(&m.lists, LIST_DISPOSABLE_DOMAINS, SLICE("a.b.mailinator.com")));
	assert_false(
	    named_lists_has_domain(&m.lists, LIST_DISPOSABLE_DOMAINS, SLICE("amailinator.com")));
	assert_false(named_lists_has_domain(&m.lists, LIST_DISPOSABLE_DOMAINS, SLICE("com")));
	assert_true(has(&m, LIST_ROLE_MAILBOXES, "info"));
	assert_true(has(&m, LIST_PROFANITY, "ежик"));
	assert_true(has(&m, LIST_TEST_WORDS, "test"));
	assert_true(named_lists_phone(&m.lists, LIST_DISPOSABLE_PHONES, 79161234567, &seen_ms));
	assert_int_equal(seen_ms, DAY_MS);
	assert_true(named_lists_phone(&m.lists, LIST_DISPOSABLE_PHONES, 79161234568, &seen_ms));
	assert_int_equal(seen_ms, 0);
	assert_false(named_lists_phone(&m.lists, LIST_DISPOSABLE_PHONES, 79161234569, &seen_ms));
	assert_true(named_lists_owner(&m.lists, LIST_CONSENT_TEXTS, key).len > 0);
	assert_true(slice_is(named_lists_owner(&m.lists, LIST_CUSTOMERS, key), "bank-a,bank-b"));
	assert_int_equal(named_lists_owner(&m.lists, LIST_CUSTOMERS, other).len, 0);
	assert_true(named_lists_next(&m.lists, LIST_BIG_DOMAINS, &at, &text));
	assert_true(slice_is(text, "gmail.com")); /* in the order of the file, not of the hash */
	assert_true(named_lists_next(&m.lists, LIST_BIG_DOMAINS, &at, &text));
	assert_false(named_lists_next(&m.lists, LIST_BIG_DOMAINS, &at, &text));
	made_free(&m);
}

static void an_empty_list_and_no_lists_have_nothing(void **state)
{
	struct made m = {.builder = named_lists_builder_new()};
	static const uint8_t key[LIST_KEY_LEN];
	int64_t seen_ms;

	(void)state;
	made_open(&m);
	for (int i = 0; i < 2; i++) {
		const struct lists *lists = i == 0 ? &m.lists : NULL;

		assert_int_equal(named_lists_count(lists, LIST_PROFANITY), 0);
		assert_false(named_lists_has(lists, LIST_PROFANITY, SLICE("a")));
		assert_false(named_lists_has_domain(lists, LIST_FREE_DOMAINS, SLICE("a.b")));
		assert_false(named_lists_phone(lists, LIST_DISPOSABLE_PHONES, 1, &seen_ms));
		assert_int_equal(named_lists_owner(lists, LIST_CUSTOMERS, key).len, 0);
	}
	made_free(&m);
}

static void what_is_taken_off_a_list_is_off_wherever_it_stands(void **state)
{
	struct made m = {.builder = named_lists_builder_new()};

	(void)state;
	add(&m, LIST_PROFANITY, "!Dick", NULL);
	add(&m, LIST_PROFANITY, "dick", NULL);
	add(&m, LIST_PROFANITY, "gad", NULL);
	add(&m, LIST_TEST_WORDS, "dick", NULL);
	made_open(&m);
	assert_int_equal(named_lists_count(&m.lists, LIST_PROFANITY), 1);
	assert_false(has(&m, LIST_PROFANITY, "dick"));
	assert_true(has(&m, LIST_PROFANITY, "gad"));
	assert_true(has(&m, LIST_TEST_WORDS, "dick"));
	made_free(&m);
}

static void an_entry_that_is_none_is_refused_with_its_reason(void **state)
{
	static const struct {
		enum list_name name;
		const char *entry, *owner, *why;
	} wrong[] = {
	    {LIST_FREE_DOMAINS, "mail ru", NULL, "a domain"},
	    {LIST_FREE_DOMAINS, "", NULL, "a domain"},
	    {LIST_PROFANITY, "two words", NULL, "one word"},
	    {LIST_PROFANITY, "cоw", NULL, "one script"},
	    {LIST_ROLE_MAILBOXES, "info@mail.ru", NULL, "before the @"},
	    {LIST_DISPOSABLE_PHONES, "123", NULL, "a number"},
	    {LIST_DISPOSABLE_PHONES, "+1234567890123456", NULL, "a number"},
	    {LIST_DISPOSABLE_PHONES, "+79161234567 05.06.2024", NULL, "a day"},
	    {LIST_CONSENT_TEXTS, "00", NULL, "64 hex digits"},
	    {LIST_CUSTOMERS, "xx112233445566778899aabbccddeeff", "bank-a", "32 hex digits"},
	    {LIST_CUSTOMERS, "00112233445566778899aabbccddeeff", "", "an owner"},
	    {LIST_CUSTOMERS, "00112233445566778899aabbccddeeff", "a,b", "an owner"},
	};
	struct named_lists_builder *b = named_lists_builder_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		const char *why = named_lists_add(b, wrong[i].name, slice_cstr(wrong[i].entry),
						  slice_cstr(wrong[i].owner));

		if (!why || !strstr(why, wrong[i].why))
			fail_msg("%s: %s", wrong[i].entry, why ? why : "taken");
	}
	named_lists_builder_free(b);
}

static void of_many_entries_each_is_found_and_their_neighbours_are_not(void **state)
{
	struct made m = {.builder = named_lists_builder_new()};
	char text[64];
	int64_t seen_ms;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "domain-%d.example", 2 * i);
		add(&m, LIST_DOUBTFUL_DOMAINS, text, NULL);
		snprintf(text, sizeof(text), "+7916%07d", 2 * i);
		add(&m, LIST_DISPOSABLE_PHONES, text, NULL);
	}
	made_open(&m);
	assert_int_equal(named_lists_count(&m.lists, LIST_DOUBTFUL_DOMAINS), MANY);
	for (int i = 0; i < 2 * MANY; i++) {
		snprintf(text, sizeof(text), "domain-%d.example", i);
		assert_int_equal(has(&m, LIST_DOUBTFUL_DOMAINS, text), i % 2 == 0);
		assert_int_equal(named_lists_phone(&m.lists, LIST_DISPOSABLE_PHONES,
						   79160000000ULL + (uint64_t)i, &seen_ms),
				 i % 2 == 0);
	}
	made_free(&m);
}

static void the_same_entries_make_the_same_bytes(void **state)
{
	struct made a = small_lists(), b = small_lists();

	(void)state;
	assert_true(slice_equal(buf_slice(&a.bytes), buf_slice(&b.bytes)));
	made_free(&a);
	made_free(&b);
}

/* Every bit that flips, and every length but the right one. */
static void a_damaged_file_is_refused(void **state)
{
	struct made m = small_lists();
	struct error error;

	(void)state;
	for (size_t i = 0; i < m.bytes.len; i++) {
		m.bytes.data[i] ^= 0x10;
		assert_null(named_lists_open(buf_slice(&m.bytes), &error));
		m.bytes.data[i] ^= 0x10;
		assert_null(named_lists_open(slice_of(m.bytes.data, i), &error));
	}
	made_free(&m);
}

/* Whoever writes a wrong table may write the right digest: no place in it may lead out of the file. */
static void a_file_that_lies_with_the_right_digest_is_refused_or_harmless(void **state)
{
	struct made m = small_lists();
	struct rng r = rng_seed(11);

	(void)state;
	for (int n = 0; n < 20000; n++) {
		struct lists_header *header = (void *)m.bytes.data;
		size_t at = sizeof(*header) +
			    (size_t)rng_below(&r, (uint32_t)(m.bytes.len - sizeof(*header)));
		char was = m.bytes.data[at];
		struct lists lists = {0};
		struct slice text;
		int64_t seen_ms;

		m.bytes.data[at] = (char)rng_below(&r, 256);
		lists_digest(
		    slice_of(m.bytes.data + sizeof(*header), m.bytes.len - sizeof(*header)),
		    header->digest);
		lists.named = named_lists_open(buf_slice(&m.bytes), NULL);
		for (size_t i = 0, place = 0; lists.named && i < LIST_COUNT; i++) {
			if (lists_slot_kind(list_kind_of((enum list_name)i)) != SLOT_TEXT)
				continue;
			(void)named_lists_has(&lists, (enum list_name)i, SLICE("mail.ru"));
			place = 0;
			while (named_lists_next(&lists, (enum list_name)i, &place, &text))
				(void)named_lists_has(&lists, (enum list_name)i, text);
		}
		if (named_lists_phone(&lists, LIST_DISPOSABLE_PHONES, 79161234567, &seen_ms))
			assert_true(seen_ms >= 0);
		named_lists_free((struct named_lists *)lists.named);
		m.bytes.data[at] = was;
	}
	made_free(&m);
}

/* --- the holder --- */

struct folder {
	char path[64], file[96], made[112];
};

static struct folder folder_make(void)
{
	struct folder f = {.path = "/tmp/punnet-lists-XXXXXX"};

	assert_non_null(mkdtemp(f.path));
	snprintf(f.file, sizeof(f.file), "%s/%s", f.path, LISTS_NAMED_FILE);
	snprintf(f.made, sizeof(f.made), "%s.new", f.file);
	return f;
}

static void folder_remove(const struct folder *f)
{
	(void)unlink(f->file);
	(void)rmdir(f->path);
}

static void put(const struct folder *f, struct slice content)
{
	FILE *file = fopen(f->made, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(content.data, 1, content.len, file), content.len);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(rename(f->made, f->file), 0);
}

static void put_lists(const struct folder *f, const char *word)
{
	struct made m = {.builder = named_lists_builder_new()};

	add(&m, LIST_PROFANITY, word, NULL);
	made_open(&m);
	put(f, buf_slice(&m.bytes));
	made_free(&m);
}

static void a_new_file_is_taken_over_whole_and_a_damaged_one_is_not(void **state)
{
	struct folder f = folder_make();
	struct error error = {0};
	struct lists_holder *h;
	const struct lists *lists;
	char first[LISTS_VERSION_LEN + 1];

	(void)state;
	put_lists(&f, "one");
	h = lists_holder_open(f.path, &error);
	assert_non_null(h);
	lists = lists_holder_get(h);
	memcpy(first, lists->version, sizeof(first));
	assert_int_equal(strlen(first), LISTS_VERSION_LEN);
	assert_int_equal(lists_holder_follow(h, 5000, &error), LISTS_SAME);

	put_lists(&f, "two");
	assert_int_equal(lists_holder_follow(h, 5999, &error), LISTS_SAME); /* not asked yet */
	assert_int_equal(lists_holder_follow(h, 6000, &error), LISTS_SWAPPED);
	assert_true(named_lists_has(lists, LIST_PROFANITY, SLICE("two")));
	assert_false(named_lists_has(lists, LIST_PROFANITY, SLICE("one")));
	assert_string_not_equal(lists->version, first);

	put(&f, SLICE("PNTLISTS and nothing more"));
	assert_int_equal(lists_holder_follow(h, 7000, &error), LISTS_REFUSED);
	assert_non_null(strstr(error.text, LISTS_NAMED_FILE));
	assert_int_equal(lists_holder_follow(h, 8000, &error), LISTS_SAME); /* said once */
	assert_true(named_lists_has(lists, LIST_PROFANITY, SLICE("two")));

	assert_int_equal(unlink(f.file), 0);
	assert_int_equal(lists_holder_follow(h, 9000, &error), LISTS_SAME);
	put_lists(&f, "one");
	assert_int_equal(lists_holder_follow(h, 10000, &error), LISTS_SWAPPED);
	assert_string_equal(lists->version, first); /* the version is of the content */
	lists_holder_close(h);
	folder_remove(&f);
}

static void a_folder_that_was_named_has_to_have_lists(void **state)
{
	struct folder f = folder_make();
	struct error error = {0};

	(void)state;
	assert_null(lists_holder_open(f.path, &error));
	assert_non_null(strstr(error.text, "punnet lists compile"));
	folder_remove(&f);
}

/* --- the filters --- */

static void a_filter_learns_from_lists_only_facts_that_it_declares(void **state)
{
	Punnet__V1__Lead lead = PUNNET__V1__LEAD__INIT;
	Punnet__V1__Submission submission = PUNNET__V1__SUBMISSION__INIT;
	Punnet__V1__Fingerprints prints = PUNNET__V1__FINGERPRINTS__INIT;
	Punnet__V1__RawLead raw = PUNNET__V1__RAW_LEAD__INIT;
	Punnet__V1__Contact contact = PUNNET__V1__CONTACT__INIT;
	struct made m = small_lists();
	struct arena a = {0};
	size_t learned = 0;

	(void)state;
	lead.received_at_ms = DAY_MS + 3 * MS_PER_DAY;
	submission.consent_text_sha256 = (ProtobufCBinaryData){32, (uint8_t[32]){1}};
	prints.phone = (ProtobufCBinaryData){16, (uint8_t[16]){1}};
	contact.phone = (char *)"+79161234567";
	contact.email = (char *)"ivan@gmial.com";
	contact.name = (char *)"Иван Петров";
	raw.lead = &lead;
	raw.submission = &submission;
	raw.fingerprints = &prints;
	for (size_t i = 0; i < filter_count; i++) {
		struct sight sight = {
		    .raw = &raw, .contact = &contact, .lists = &m.lists, .arena = &a};
		struct sight blind = {.raw = &raw, .contact = &contact, .arena = &a};
		struct facts facts = {0}, without = {0};

		if (!filters[i]->look)
			continue;
		filters[i]->look(&sight, &facts);
		filters[i]->look(&blind, &without);
		for (size_t k = 0; k < filters[i]->fact_count; k++) {
			enum fact_name name = filters[i]->facts[k];

			learned += facts.values[name].known && !without.values[name].known;
			facts.values[name].known = false;
		}
		for (size_t k = 0; k < FACT_COUNT; k++)
			assert_false(facts.values[k].known);
	}
	assert_int_equal(learned, 8);
	arena_free(&a);
	made_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_kind_of_entry_is_found_in_the_spelling_that_looks_use),
	    cmocka_unit_test(an_empty_list_and_no_lists_have_nothing),
	    cmocka_unit_test(what_is_taken_off_a_list_is_off_wherever_it_stands),
	    cmocka_unit_test(an_entry_that_is_none_is_refused_with_its_reason),
	    cmocka_unit_test(of_many_entries_each_is_found_and_their_neighbours_are_not),
	    cmocka_unit_test(the_same_entries_make_the_same_bytes),
	    cmocka_unit_test(a_damaged_file_is_refused),
	    cmocka_unit_test(a_file_that_lies_with_the_right_digest_is_refused_or_harmless),
	    cmocka_unit_test(a_new_file_is_taken_over_whole_and_a_damaged_one_is_not),
	    cmocka_unit_test(a_folder_that_was_named_has_to_have_lists),
	    cmocka_unit_test(a_filter_learns_from_lists_only_facts_that_it_declares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
