/* Order files that are wrong: each fault is told with its line, its field and why, and nothing of the file is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "lead/codec.h"
#include "runtime/bus.h"
#include "tools/order_file.h"
#include "tools/order_more.h"

#define NOW_MS   1796083200000LL /* 2026-12-01 */
#define TEXT_MAX (1 << 20)

static struct directory *directory;
static struct bus *bus;

static void ignore_ack(void *ctx, uint64_t token, enum result r, int32_t partition, int64_t offset)
{
	(void)ctx, (void)token, (void)r, (void)partition, (void)offset;
}

static void put(struct bus_producer *p, const Punnet__V1__DirectoryEntry *entry)
{
	struct buf out = {0};

	codec_pack(&entry->base, &out);
	assert_int_equal(bus_produce(p, "directory", 0, slice_cstr(entry->id),
				     "punnet.v1.DirectoryEntry", buf_slice(&out), 1),
			 RESULT_OK);
	assert_int_equal(bus_producer_flush(p, 1000), RESULT_OK);
	buf_free(&out);
}

static void put_vertical(struct bus_producer *p)
{
	Punnet__V1__DirectoryEntry entry = PUNNET__V1__DIRECTORY_ENTRY__INIT;
	Punnet__V1__Vertical v = PUNNET__V1__VERTICAL__INIT;
	Punnet__V1__RateChanged card = PUNNET__V1__RATE_CHANGED__INIT;
	Punnet__V1__VerticalField age = PUNNET__V1__VERTICAL_FIELD__INIT, *fields[] = {&age};

	age.name = (char *)"age";
	age.type = (char *)"integer";
	age.min = 18;
	age.max = 99;
	card.vertical = (char *)"cards";
	card.payout_share_bp = 7500;
	card.margin_floor_minor = 5000;
	v.currency = (char *)"RUB";
	v.payout_share_bp = 7500;
	v.card = &card;
	v.fields = fields;
	v.n_fields = 1;
	entry.id = (char *)"vertical/cards";
	entry.entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_VERTICAL;
	entry.vertical = &v;
	put(p, &entry);
}

static int open_directory(_unused_ void **state)
{
	static const struct bus_topic_spec topic = {
	    .name = "directory", .partitions = 1, .retention_ms = -1, .compact = true};
	struct bus_producer_options options = {.max_in_flight = 10, .on_ack = ignore_ack};
	Punnet__V1__DirectoryEntry entry = PUNNET__V1__DIRECTORY_ENTRY__INIT;
	Punnet__V1__Advertiser bank = PUNNET__V1__ADVERTISER__INIT;
	struct bus_producer *p;
	size_t created;

	bus = bus_open("memory:", "order_file_test", NULL);
	assert_int_equal(bus_topics_apply(bus, &topic, 1, 1000, &created, NULL), RESULT_OK);
	p = bus_producer_open(bus, &options, NULL);
	put_vertical(p);
	entry.id = (char *)"advertiser/bank";
	entry.entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ADVERTISER;
	entry.advertiser = &bank;
	put(p, &entry);
	bus_producer_close(p);
	directory = directory_open(bus, 1000, NULL);
	assert_non_null(directory);
	return 0;
}

static int close_directory(_unused_ void **state)
{
	directory_close(directory);
	bus_close(bus);
	return 0;
}

/* Lines 3 and 4 are the case's. */
static void write_file(char *path, const char *price, const char *line)
{
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");

	assert_non_null(f);
	fprintf(f,
		"orders:\n"
		"  - {id: o, advertiser: bank, vertical: cards, delivery: {webhook: {url: "
		"\"https://a.example/\"}, on_unknown: retry_same},\n"
		"     price: {%s},\n"
		"     %s}\n",
		price, line);
	assert_int_equal(fclose(f), 0);
}

/* What is wrong with it; "" when nothing is. In the arena. */
static const char *faults_of(struct arena *a, const char *price, const char *line)
{
	char path[] = "order-file-XXXXXX";
	struct yaml_faults f = {.file = "orders.yaml"};
	Punnet__V1__OrderTerms **orders;
	const char *text;
	size_t count;

	write_file(path, price, line);
	orders = order_file_read(a, path, directory, NOW_MS, &count, &f);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(orders == NULL, f.count > 0);
	text = arena_cstr(a, buf_slice(&f.text));
	yaml_faults_free(&f);
	return text;
}

#define PRICE "amount_minor: 50000, currency: RUB"

static void what_is_wrong_is_told_with_line_field_and_reason(_unused_ void **state)
{
	static const struct {
		const char *price, *line, *fault;
	} cases[] = {
	    {"amount_minor: -5, currency: RUB", "quantity: 5",
	     ":3: amount_minor: \"-5\": expected a whole number from 1"},
	    {"amount_minor: 50000, currency: RUB, floor_minor: -1", "quantity: 5",
	     ":3: floor_minor: \"-1\""},
	    {"amount_minor: 50000, currency: USD", "quantity: 5",
	     ":3: order o: currency: USD: the vertical cards trades in RUB"},
	    /* of 10000 the webmaster gets 7500, and the network keeps 5000 */
	    {"amount_minor: 10000, currency: RUB", "quantity: 5", ":3: order o: price: of 10000"},
	    {"amount_minor: 50000, currency: RUB, modifiers: [{where: {country: [KZ]}, plus_bp: "
	     "-9000}]",
	     "quantity: 5", ":3: order o: price: of 5000, which its modifiers can bring it to"},
	    {PRICE, "until: 2020-12-31T18:00:00+03:00", "order o: until is over"},
	    {PRICE, "from: 2027-02-01T00:00:00Z, until: 2027-01-01T00:00:00Z",
	     "order o: until stands before from"},
	    {PRICE, "zone: Europe/Moskow", ":4: order o: zone: \"Europe/Moskow\""},
	    {PRICE,
	     "schedule: {zone: Europe/Moscow, open: [\"mon 09:00-20:00\", \"mon 19:00-21:00\"]}",
	     "overlaps another opening"},
	    {PRICE, "schedule: {zone: Mars/Base, open: [\"mon 09:00-20:00\"]}",
	     ":4: order o: zone: \"Mars/Base\""},
	    {PRICE,
	     "until: 2026-12-01T12:00:00Z, schedule: {zone: UTC, open: [\"sat 09:00-20:00\"]}",
	     "schedule: it is never open before its end"},
	    {PRICE, "colour: red", ":4: order: unknown key \"colour\""},
	    {PRICE, "where: {shoe: 3}", ":4: order o: where: \"shoe\" is no field"},
	    {PRICE, "where: {age: {min: 30, max: 20}}", ":4: order o: age: min is above max"},
	    {PRICE, "where: {city: {in: [Tver], not_in: [Tver]}}",
	     ":4: order o: city: \"Tver\" stands in `in` and in `not_in`"},
	    {PRICE, "where: {age: {in: [old]}}", ":4: order o: age: \"old\": expected a number"},
	    {PRICE, "where: {country: [RUS]}", ":4: order o: country: \"RUS\""},
	    {PRICE, "caps: {hour: 0}", ":4: order o: caps.hour: 0 would take nothing"},
	    {PRICE, "caps: {day: 30, week: 20}", ":4: order o: caps.day 30 can't be met"},
	    {PRICE, "quantity: 5000, until: 2026-12-10T00:00:00Z, caps: {day: 300}",
	     "order o: quantity 5000 can't be met by then"},
	    {PRICE, "quantity: 0", ":4: quantity"},
	    {PRICE, "even: true", "order o: even: expected a quantity and until as well"},
	    {PRICE, "quantity: 5, even: true", "order o: even: expected a quantity and until"},
	    {PRICE, "sharing: {shared: 1}", ":4: "},
	    {PRICE, "sharing: {shared: 2, not_with: [nobody]}",
	     ":4: order o: not_with: no advertiser \"nobody\""},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena a = {0};
		const char *told = faults_of(&a, cases[i].price, cases[i].line);

		if (!strstr(told, cases[i].fault))
			fail_msg("%s | %s\n  wanted: %s\n  told:   %s", cases[i].price,
				 cases[i].line, cases[i].fault, told);
		arena_free(&a);
	}
}

static void what_is_right_is_taken(_unused_ void **state)
{
	struct arena a = {0};

	assert_string_equal(faults_of(&a, PRICE, "quantity: 5, until: 2027-01-01T00:00:00Z"), "");
	assert_string_equal(
	    faults_of(&a, PRICE, "quantity: 5, even: true, until: 2027-01-01T00:00:00Z"), "");
	assert_string_equal(faults_of(&a, PRICE, "where: {age: {min: 20, max: 30}}"), "");
	arena_free(&a);
}

/* What is said of an order that is well-formed, on standard error. */
static void warnings_of(const char *line, char *ret, size_t len)
{
	char path[] = "order-file-XXXXXX", said[] = "order-said-XXXXXX";
	struct yaml_faults f = {.file = "orders.yaml"};
	int fd = mkstemp(said), kept = dup(STDERR_FILENO);
	struct arena a = {0};
	Punnet__V1__OrderTerms **orders;
	size_t count;
	ssize_t n;

	write_file(path, PRICE, line);
	orders = order_file_read(&a, path, directory, NOW_MS, &count, &f);
	assert_int_equal(unlink(path), 0);
	assert_non_null(orders);
	assert_true(fd >= 0 && kept >= 0 && dup2(fd, STDERR_FILENO) >= 0);
	order_warn(directory, orders[0], &a);
	(void)fflush(stderr);
	assert_true(dup2(kept, STDERR_FILENO) >= 0);
	n = pread(fd, ret, len - 1, 0);
	assert_true(n >= 0);
	ret[n] = '\0';
	assert_int_equal(unlink(said), 0);
	(void)close(fd);
	(void)close(kept);
	yaml_faults_free(&f);
	arena_free(&a);
}

static void what_can_never_fill_is_told_so(_unused_ void **state)
{
	static const struct {
		const char *line, *said;
	} cases[] = {
	    {"budget: {total_minor: 49999}",
	     "it can never fill: its budget does not pay for one lead at 50000"},
	    {"budget: {day_minor: 49999}", "it can never fill: its budget does not pay"},
	    {"quantity: 5, budget: {total_minor: 249999}",
	     "quantity 5 can't be reached: the budget pays for 4 at 50000"},
	    {"quantity: 5, caps: {total: 4}", "quantity 5 can't be reached: caps.total is 4"},
	    {"where: {webmaster: [w9, w8]}",
	     "it can never fill: the directory has no webmaster \"w9\", nor any other of the list"},
	    {"where: {source_class: [gold]}",
	     "it can never fill: the directory has no source_class \"gold\""},
	    {"where: {age: {min: 100}}",
	     "it can never fill: age is from 18 to 99 in this vertical"},
	    {"where: {age: {max: 17}}", "it can never fill: age is from 18 to 99 in this vertical"},
	    {"quantity: 5, budget: {total_minor: 250000}, caps: {total: 5}", NULL},
	    {"where: {age: {min: 99}, webmaster: {not_in: [w9]}}", NULL},
	};
	char said[512];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		warnings_of(cases[i].line, said, sizeof(said));
		if (cases[i].said ? !strstr(said, cases[i].said) : said[0] != '\0')
			fail_msg("%s: said: %s", cases[i].line, said);
	}
}

static char *list_of(size_t values)
{
	char *text = malloc(TEXT_MAX);
	size_t len;

	assert_non_null(text);
	len = (size_t)sprintf(text, "where: {sub1: [");
	for (size_t i = 0; i < values; i++)
		len += (size_t)sprintf(text + len, "%ss%zu", i ? "," : "", i);
	sprintf(text + len, "]}");
	return text;
}

static void ten_thousand_values_are_taken_and_one_more_is_not(_unused_ void **state)
{
	char *most = list_of(10000), *more = list_of(10001);
	struct arena a = {0};

	assert_string_equal(faults_of(&a, PRICE, most), "");
	assert_non_null(
	    strstr(faults_of(&a, PRICE, more), ":4: order o: sub1: expected a list of 1 to 10000"));
	arena_free(&a);
	free(most);
	free(more);
}

static void too_many_criteria_are_refused(_unused_ void **state)
{
	char text[8192];
	size_t len = (size_t)sprintf(text, "where: {age: {min: 1}");
	struct arena a = {0};

	/* a list, and bounds, and so on: each is a criterion of its own */
	for (int i = 0; i < 5; i++)
		len += (size_t)sprintf(text + len, ", sub%d: {in: [a], not_in: [b]}", i + 1);
	sprintf(text + len, "}");
	assert_string_equal(faults_of(&a, PRICE, text), "");
	len = (size_t)sprintf(text, "where: {");
	for (int i = 0; i < 65; i++)
		len += (size_t)sprintf(text + len, "%sfields.age: {min: %d}", i ? ", " : "", i);
	sprintf(text + len, "}");
	assert_non_null(strstr(faults_of(&a, PRICE, text), ":4: "));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_wrong_is_told_with_line_field_and_reason),
	    cmocka_unit_test(what_is_right_is_taken),
	    cmocka_unit_test(what_can_never_fill_is_told_so),
	    cmocka_unit_test(ten_thousand_values_are_taken_and_one_more_is_not),
	    cmocka_unit_test(too_many_criteria_are_refused),
	};

	return cmocka_run_group_tests(tests, open_directory, close_directory);
}
