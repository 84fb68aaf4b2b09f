/* Addresses: the operator's table, and the database that set-up makes, over the networks that sample leads come from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* cmocka.h wants the above before it */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/rng.h"
#include "filter-worker/core/ruleset.h"
#include "filter-worker/shell/ip_data_open.h"
#include "filter-worker/shell/local_facts.h"

#define FOLDER       ".cache/ip"
#define OWN_NETWORKS "rules/addresses/networks.txt"
#define SAMPLES      100000
#define NETWORKS_MAX 5000

static struct ip_address address_of(const char *text)
{
	struct ip_address a;

	if (!ip_address_read(text, &a))
		fail_msg("%s is an address", text);
	return a;
}

static void addresses_inside_addresses_are_found(void **state)
{
	static const char *const same[] = {"::ffff:95.26.1.1", "64:ff9b::95.26.1.1",
					   "2002:5f1a:0101::1"};
	static const char *const none[] = {"", "95.26.1", "95.26.1.256", "1.2.3.4 ", "::g", "host"};
	struct ip_address a = address_of("95.26.1.1"), b;

	(void)state;
	assert_true(a.v4);
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		b = address_of(same[i]);
		assert_true(b.v4 && b.upper == a.upper && b.lower == a.lower);
	}
	b = address_of("2a00:1450:4010::65");
	assert_true(!b.v4 && b.upper == 0x2a00145040100000 && b.lower == 0x65);
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		assert_false(ip_address_read(none[i], &b));
}

static void add(struct ip_table *t, const char *line)
{
	const char *fault = ip_table_add(t, slice_cstr(line));

	if (fault)
		fail_msg("%s: %s", line, fault);
}

static void the_narrowest_network_answers(void **state)
{
	struct ip_table t = {0};
	const struct ip_range *r;

	(void)state;
	ip_table_sort(&t);
	add(&t, "10.1.2.0/24 asn=3");
	add(&t, "10.0.0.0/8 asn=1");
	add(&t, "10.1.0.0/16 asn=2");
	add(&t, "10.1.2.3 asn=4");
	add(&t, "2001:db8::/32 asn=5");
	add(&t, "2001:db8:1::/48 asn=6");
	add(&t, "::/0 asn=7");
	ip_table_sort(&t);

	static const struct {
		const char *address;
		uint32_t asn;
	} rows[] = {{"10.1.2.3", 4},     {"10.1.2.4", 3},    {"10.1.2.255", 3},
		    {"10.1.3.0", 2},     {"10.2.0.0", 1},    {"10.255.255.255", 1},
		    {"11.0.0.0", 7},     {"2001:db8::1", 5}, {"2001:db8:1:ffff::", 6},
		    {"2001:db8:2::", 5}, {"2001:db9::", 7},  {"::", 7}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ip_address a = address_of(rows[i].address);

		r = ip_table_look(&t, &a);
		if (!r || r->known.asn != rows[i].asn)
			fail_msg("%s: %u", rows[i].address, r ? r->known.asn : 0);
	}
	ip_table_free(&t);
}

/* Against a table that is searched from end to end. */
static void a_table_finds_what_a_plain_search_finds(void **state)
{
	struct rng r = rng_seed(4);

	(void)state;
	for (int round = 0; round < 50; round++) {
		struct ip_table t = {0};

		for (int i = 0; i < 60; i++) {
			unsigned bits = 8 + (unsigned)rng_below(&r, 25);
			uint32_t net = (uint32_t)(0x0A000000 | rng_below(&r, 1 << 12)) &
				       (uint32_t) ~((UINT64_C(1) << (32 - bits)) - 1);
			char line[64];

			snprintf(line, sizeof(line), "%u.%u.%u.%u/%u asn=%u", net >> 24,
				 net >> 16 & 255, net >> 8 & 255, net & 255, bits, bits);
			add(&t, line);
		}
		ip_table_sort(&t);
		for (int i = 0; i < 500; i++) {
			struct ip_address a = address_of("10.0.0.0");
			const struct ip_range *found;
			uint32_t wanted = 0;

			a.lower += rng_below(&r, 1 << 12);
			for (size_t k = 0; k < t.count; k++) {
				if (t.ranges[k].first.lower <= a.lower &&
				    a.lower <= t.ranges[k].last.lower)
					wanted = MAX_OF(wanted, t.ranges[k].known.asn);
			}
			found = ip_table_look(&t, &a);
			assert_int_equal(found ? found->known.asn : 0, wanted);
		}
		ip_table_free(&t);
	}
}

static void a_fault_in_a_table_is_said(void **state)
{
	static const char *const lines[] = {"10.0.0.0/33 asn=1",
					    "10.0.0.1/24 asn=1",
					    "10.0.0.0/24",
					    "10.0.0.0/24 asn=0",
					    "10.0.0.0/ asn=1",
					    "10.0.0.0/24 asn=4294967296",
					    "10.0.0.0/24 country=ru",
					    "host asn=1",
					    "10.0.0.0/24 network=home",
					    "10.0.0.0/24 word",
					    "2001:db8::1/64 asn=1",
					    "::ffff:10.0.0.0/120 asn=1",
					    "10.0.0.0/-1 asn=1",
					    "10.0.0.0/24 anonymous=vpns"};
	struct ip_table t = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		if (!ip_table_add(&t, slice_cstr(lines[i])))
			fail_msg("taken: %s", lines[i]);
	}
	assert_int_equal(t.count, 0);
}

static struct ip_data *open_all(void)
{
	struct error error;
	struct ip_data *d = ip_data_open(FOLDER, OWN_NETWORKS, &error);

	if (!d)
		fail_msg("%s", error.text);
	return d;
}

/* What stands as long as anything: who has had these addresses for decades. */
static void well_known_addresses_are_known(void **state)
{
	static const struct {
		const char *address, *country;
		uint32_t asn;
		enum ip_network network;
		enum ip_anonymous anonymous;
	} rows[] = {
	    {"8.8.8.8", "US", 15169, IP_NETWORK_HOSTING, IP_ANONYMOUS_NONE},
	    {"95.26.1.1", "RU", 3216, IP_NETWORK_MOBILE, IP_ANONYMOUS_NONE},
	    {"213.87.1.1", "RU", 8359, IP_NETWORK_MOBILE, IP_ANONYMOUS_NONE},
	    {"109.252.1.1", "RU", 25513, IP_NETWORK_ISP, IP_ANONYMOUS_NONE},
	    {"51.250.0.1", "RU", 200350, IP_NETWORK_HOSTING, IP_ANONYMOUS_NONE},
	    {"46.4.1.1", "DE", 24940, IP_NETWORK_HOSTING, IP_ANONYMOUS_NONE},
	    {"172.56.1.1", "US", 21928, IP_NETWORK_MOBILE, IP_ANONYMOUS_NONE},
	    {"18.9.22.69", "US", 3, IP_NETWORK_EDUCATION, IP_ANONYMOUS_NONE},
	    {"2a02:6b8::1", "RU", 13238, IP_NETWORK_HOSTING, IP_ANONYMOUS_NONE},
	    {"10.0.0.1", "", 0, IP_NETWORK_UNKNOWN, IP_ANONYMOUS_NONE},
	};
	struct ip_data *d = open_all();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ip_address a = address_of(rows[i].address);
		struct ip_known k;

		ip_data_look(d, &a, &k);
		if (strcmp(k.country, rows[i].country) != 0 || k.asn != rows[i].asn ||
		    k.network != rows[i].network || k.anonymous != rows[i].anonymous)
			fail_msg("%s: %s AS%u " SLICE_FMT " " SLICE_FMT, rows[i].address, k.country,
				 k.asn, SLICE_ARG(ip_network_text(k.network)),
				 SLICE_ARG(ip_anonymous_text(k.anonymous)));
	}
	ip_data_close(d);
}

struct networks {
	char country[NETWORKS_MAX][3];
	uint32_t first[NETWORKS_MAX];
	size_t count;
};

static void read_networks(struct networks *n)
{
	unsigned a, b, c, d;
	FILE *f = fopen(".cache/data/networks.tsv", "r");

	assert_non_null(f);
	n->count = 0;
	while (n->count < NETWORKS_MAX &&
	       fscanf(f, "%2s %u.%u.%u.%u/20", n->country[n->count], &a, &b, &c, &d) == 5)
		n->first[n->count++] = a << 24 | b << 16 | c << 8 | d;
	fclose(f);
	assert_true(n->count > 1000);
}

static bool hits(const char *filter, const struct facts *facts)
{
	struct arena a = {0};
	struct filter_rule rule = rule_standard(filter_from_name(slice_cstr(filter)));
	struct finding finding = {.arena = &a};
	bool hit = rule.filter->judge(&rule, facts, &finding) == ANSWER_HIT;

	arena_free(&a);
	return hit;
}

/* The country's own phones: nobody of these is a traveller. */
static const char *phone_of(const char *country)
{
	static const struct {
		const char *country, *phone;
	} phones[] = {{"RU", "+79162748031"},
		      {"KZ", "+77012748031"},
		      {"BY", "+375291234567"},
		      {"US", "+12025550143"}};

	for (size_t i = 0; i < ARRAY_LEN(phones); i++) {
		if (strcmp(phones[i].country, country) == 0)
			return phones[i].phone;
	}
	fail_msg("%s", country);
	return NULL;
}

static void people_at_home_are_not_hit(void **state)
{
	static const char *const asked[] = {"datacentre_ip", "proxy_ip", "ip_country",
					    "ip_phone_region"};
	struct networks *n = calloc(1, sizeof(*n));
	struct ip_data *d = open_all();
	struct lists lists = {.ip = d};
	struct local_sources from = {.lists = &lists};
	struct arena arena = {0};
	struct rng r = rng_seed(3);
	size_t found[ARRAY_LEN(asked)] = {0}, by_network[5] = {0};

	(void)state;
	read_networks(n);
	for (int i = 0; i < SAMPLES; i++) {
		Punnet__V1__Lead lead = PUNNET__V1__LEAD__INIT;
		Punnet__V1__Fingerprints prints = PUNNET__V1__FINGERPRINTS__INIT;
		Punnet__V1__RawLead raw = PUNNET__V1__RAW_LEAD__INIT;
		Punnet__V1__Contact contact = PUNNET__V1__CONTACT__INIT;
		size_t k = (size_t)rng_below(&r, n->count);
		uint32_t address = n->first[k] + (uint32_t)rng_below(&r, 4096);
		enum ip_network network;
		struct slice text;
		struct facts facts;
		char ip[16];

		snprintf(ip, sizeof(ip), "%u.%u.%u.%u", address >> 24, address >> 16 & 255,
			 address >> 8 & 255, address & 255);
		lead.country = n->country[k];
		contact.ip = ip;
		contact.phone = (char *)phone_of(n->country[k]);
		raw.lead = &lead;
		raw.fingerprints = &prints;
		local_facts_gather(&from, &raw, &contact, &arena, &facts);
		for (size_t f = 0; f < ARRAY_LEN(asked); f++)
			found[f] += hits(asked[f], &facts);
		assert_true(facts_text(&facts, FACT_IP_NETWORK, &text) &&
			    ip_network_from_text(text, &network));
		by_network[network]++;
		arena_reset(&arena);
	}
	for (size_t f = 0; f < ARRAY_LEN(asked); f++) {
		print_message("%s: %zu of %d people at home hit\n", asked[f], found[f], SAMPLES);
		assert_in_range(found[f], 0, SAMPLES * 3 / 1000);
	}
	for (size_t i = 0; i < ARRAY_LEN(by_network); i++)
		print_message(SLICE_FMT ": %zu\n", SLICE_ARG(ip_network_text((enum ip_network)i)),
			      by_network[i]);
	arena_free(&arena);
	ip_data_close(d);
	free(n);
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void a_look_costs_little(void **state)
{
	struct networks *n = calloc(1, sizeof(*n));
	struct ip_data *d = open_all();
	struct rng r = rng_seed(5);
	uint64_t sum = 0;
	double begin;

	(void)state;
	read_networks(n);
	begin = now_us();
	for (int i = 0; i < 10 * SAMPLES; i++) {
		struct ip_address a = {
		    .lower = UINT64_C(0xFFFF) << 32 |
			     (n->first[rng_below(&r, n->count)] + rng_below(&r, 4096)),
		    .v4 = true};
		struct ip_known k;

		ip_data_look(d, &a, &k);
		sum += k.asn;
	}
	print_message("%.3f us a look\n", (now_us() - begin) / (10 * SAMPLES));
	assert_true(sum > 0);
	ip_data_close(d);
	free(n);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void a_file_with_a_fault_is_refused_with_its_line(void **state)
{
	char path[] = "build/networks-XXXXXX";
	int fd = mkstemp(path);
	struct error error;
	struct ip_data *d;
	char hash[IP_DATA_HASH_LEN + 1];

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	write_file(path, "# own\n\n10.0.0.0/8  network=isp   # the office\n");
	d = ip_data_open(NULL, path, &error);
	assert_non_null(d);
	assert_int_equal(d->table->count, 1);
	strcpy(hash, ip_data_hash(d));
	ip_data_close(d);
	write_file(path, "# own\n\n10.0.0.0/8  network=mobile   # the office\n");
	d = ip_data_open(NULL, path, &error);
	assert_non_null(d);
	assert_string_not_equal(hash, ip_data_hash(d));
	ip_data_close(d);
	write_file(path, "# own\n\n10.0.0.0/8  network=office\n");
	assert_null(ip_data_open(NULL, path, &error));
	assert_non_null(strstr(error.text, ":3: expected country=RU"));
	assert_null(ip_data_open("build/no-such-folder", NULL, &error));
	assert_non_null(strstr(error.text, "build/no-such-folder/ip.mmdb: can't be read"));
	unlink(path);
	ip_data_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(addresses_inside_addresses_are_found),
	    cmocka_unit_test(the_narrowest_network_answers),
	    cmocka_unit_test(a_table_finds_what_a_plain_search_finds),
	    cmocka_unit_test(a_fault_in_a_table_is_said),
	    cmocka_unit_test(well_known_addresses_are_known),
	    cmocka_unit_test(people_at_home_are_not_hit),
	    cmocka_unit_test(a_look_costs_little),
	    cmocka_unit_test(a_file_with_a_fault_is_refused_with_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
