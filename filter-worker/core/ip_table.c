/* ip_table: see ip_table.h. */
#include "ip_table.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/slice.h"

#define ROOM_LEAST 64
#define V4_BITS    32
#define V6_BITS    128
#define ASN_MAX    INT64_C(4294967295)

static const char *const networks[] = {
    [IP_NETWORK_UNKNOWN] = "unknown",     [IP_NETWORK_HOSTING] = "hosting",
    [IP_NETWORK_MOBILE] = "mobile",       [IP_NETWORK_ISP] = "isp",
    [IP_NETWORK_EDUCATION] = "education",
};
static const char *const anonymous_words[] = {
    [IP_ANONYMOUS_NONE] = "none", [IP_ANONYMOUS_TOR] = "tor",     [IP_ANONYMOUS_PROXY] = "proxy",
    [IP_ANONYMOUS_VPN] = "vpn",   [IP_ANONYMOUS_RELAY] = "relay",
};

struct slice ip_network_text(enum ip_network network)
{
	return slice_cstr(networks[network]);
}

struct slice ip_anonymous_text(enum ip_anonymous anonymous)
{
	return slice_cstr(anonymous_words[anonymous]);
}

/* The word's index; `count`: it is none of them. */
static size_t word_index(struct slice text, const char *const *words, size_t count)
{
	size_t i = 0;

	while (i < count && !slice_is(text, words[i]))
		i++;
	return i;
}

bool ip_network_from_text(struct slice text, enum ip_network *ret)
{
	size_t i = word_index(text, networks, ARRAY_LEN(networks));

	if (i == ARRAY_LEN(networks))
		return false;
	*ret = (enum ip_network)i;
	return true;
}

bool ip_anonymous_from_text(struct slice text, enum ip_anonymous *ret)
{
	size_t i = word_index(text, anonymous_words, ARRAY_LEN(anonymous_words));

	if (i == ARRAY_LEN(anonymous_words))
		return false;
	*ret = (enum ip_anonymous)i;
	return true;
}

static bool next_word(struct slice *rest, struct slice *ret)
{
	size_t end = 0;

	*rest = slice_trim(*rest);
	while (end < rest->len && rest->data[end] != ' ' && rest->data[end] != '\t')
		end++;
	*ret = slice_of(rest->data, end);
	*rest = slice_of(rest->data + end, rest->len - end);
	return end > 0;
}

/* Addresses are written with the bits of the network only, or it is not clear what is meant. */
static bool cut(struct ip_range *r, unsigned free_bits)
{
	uint64_t lower = free_bits >= 64 ? UINT64_MAX : (UINT64_C(1) << free_bits) - 1;
	uint64_t upper = free_bits == V6_BITS ? UINT64_MAX
			 : free_bits > 64     ? (UINT64_C(1) << (free_bits - 64)) - 1
					      : 0;

	if ((r->first.lower & lower) || (r->first.upper & upper))
		return false;
	r->last = r->first;
	r->last.lower |= lower;
	r->last.upper |= upper;
	return true;
}

static const char *read_network(struct slice text, struct ip_range *ret)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = memchr(text.data, '/', text.len);
	size_t len = slash ? (size_t)(slash - text.data) : text.len;
	int64_t bits, most;

	if (len >= sizeof(address))
		return "the address is too long";
	memcpy(address, text.data, len);
	address[len] = '\0';
	if (!ip_address_read(address, &ret->first))
		return "expected an address, or a network like 203.0.113.0/24";
	most = ret->first.v4 ? V4_BITS : V6_BITS;
	if (ret->first.v4 && memchr(address, ':', len))
		return "IPv4 is written as IPv4";
	bits = most;
	if (slash && (!slice_to_int64(slice_of(slash + 1, text.len - len - 1), &bits) || bits < 0 ||
		      bits > most))
		return "the number of bits does not fit";
	return cut(ret, (unsigned)(most - bits)) ? NULL
						 : "the address has more bits than the network";
}

static bool is_capital(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool read_country(struct slice value, char ret[3])
{
	if (value.len != 2 || !is_capital(value.data[0]) || !is_capital(value.data[1]))
		return false;
	memcpy(ret, value.data, 2);
	return true;
}

static bool read_asn(struct slice value, uint32_t *ret)
{
	int64_t asn;

	if (!slice_to_int64(value, &asn) || asn <= 0 || asn > ASN_MAX)
		return false;
	*ret = (uint32_t)asn;
	return true;
}

static bool read_field(struct slice word, struct ip_known *ret, unsigned *says)
{
	const char *equals = memchr(word.data, '=', word.len);
	struct slice name = slice_of(word.data, equals ? (size_t)(equals - word.data) : 0);
	struct slice value =
	    slice_of(word.data + name.len + 1, equals ? word.len - name.len - 1 : 0);

	if (slice_is(name, "country") && read_country(value, ret->country))
		*says |= IP_SAYS_COUNTRY;
	else if (slice_is(name, "asn") && read_asn(value, &ret->asn))
		*says |= IP_SAYS_ASN;
	else if (slice_is(name, "network") && ip_network_from_text(value, &ret->network))
		*says |= IP_SAYS_NETWORK;
	else if (slice_is(name, "anonymous") && ip_anonymous_from_text(value, &ret->anonymous))
		*says |= IP_SAYS_ANONYMOUS;
	else
		return false;
	return true;
}

const char *ip_known_read(struct slice words, struct ip_known *ret, unsigned *ret_says)
{
	struct slice word;

	*ret = (struct ip_known){0};
	*ret_says = 0;
	while (next_word(&words, &word)) {
		if (!read_field(word, ret, ret_says))
			return "expected country=RU, asn=64500, network=hosting or anonymous=tor";
	}
	return NULL;
}

static void make_room(struct ip_table *t)
{
	size_t room = t->room ? 2 * t->room : ROOM_LEAST;

	if (t->count < t->room)
		return;
	t->ranges = realloc(t->ranges, room * sizeof(*t->ranges));
	assert(t->ranges);
	t->room = room;
}

const char *ip_table_add(struct ip_table *t, struct slice line)
{
	struct ip_range range = {.outside = SIZE_MAX};
	struct slice word;
	const char *fault;

	if (!next_word(&line, &word))
		return NULL;
	if ((fault = read_network(word, &range)) != NULL)
		return fault;
	if ((fault = ip_known_read(line, &range.known, &range.says)) != NULL)
		return fault;
	if (range.says == 0)
		return "nothing is said of the network";
	if (t->count == IP_TABLE_MAX)
		return "too many networks";
	make_room(t);
	t->ranges[t->count++] = range;
	return NULL;
}

static int order(const struct ip_address *a, const struct ip_address *b)
{
	if (a->upper != b->upper)
		return a->upper < b->upper ? -1 : 1;
	return (a->lower > b->lower) - (a->lower < b->lower);
}

static bool holds(const struct ip_range *r, const struct ip_address *a)
{
	return order(&r->first, a) <= 0 && order(a, &r->last) <= 0;
}

/* By their first address, the wider ones first. */
static int by_place(const void *a, const void *b)
{
	const struct ip_range *x = a, *y = b;
	int first = order(&x->first, &y->first);

	return first ? first : order(&y->last, &x->last);
}

/* Networks lie inside or beside one another, so what is around one is the one before it, or around that. */
void ip_table_sort(struct ip_table *t)
{
	if (t->count == 0)
		return;
	qsort(t->ranges, t->count, sizeof(*t->ranges), by_place);
	for (size_t i = 1; i < t->count; i++) {
		size_t around = i - 1;

		while (around != SIZE_MAX && !holds(&t->ranges[around], &t->ranges[i].first))
			around = t->ranges[around].outside;
		t->ranges[i].outside = around;
	}
}

const struct ip_range *ip_table_look(const struct ip_table *t, const struct ip_address *address)
{
	size_t low = 0, high = t->count, at;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (order(&t->ranges[middle].first, address) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	at = low == 0 ? SIZE_MAX : low - 1;
	while (at != SIZE_MAX && !holds(&t->ranges[at], address))
		at = t->ranges[at].outside;
	return at == SIZE_MAX ? NULL : &t->ranges[at];
}

void ip_table_free(struct ip_table *t)
{
	free(t->ranges);
	*t = (struct ip_table){0};
}
