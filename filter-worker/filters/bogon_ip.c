/* bogon_ip: the lead's address is none that a person comes from over the internet.
 *
 * needs    the block of the IANA special-purpose registries (RFC 6890 and its updates) in which the address stands
 * hit      it is private, a loopback, for documentation, reserved, …; IPv4 inside IPv6 (mapped, translated, 6to4) is looked
 *          at as IPv4
 * unknown  no address, or the contact can't be opened any more
 * trap     a webmaster who reads the wrong proxy header sends nothing but such addresses: people are honest then, and the
 *          reason tells the webmaster what to mend */
#include "filter-worker/core/filter.h"
#include "filter-worker/core/ip_address.h"

static const struct {
	uint32_t net;
	uint8_t bits;
	const char *what;
} v4_blocks[] = {
    {0x00000000, 8, "this_network"},   {0x0A000000, 8, "private"},
    {0x64400000, 10, "shared"},        {0x7F000000, 8, "loopback"},
    {0xA9FE0000, 16, "link_local"},    {0xAC100000, 12, "private"},
    {0xC0000000, 24, "reserved"},      {0xC0000200, 24, "documentation"},
    {0xC0586300, 24, "reserved"},      {0xC0A80000, 16, "private"},
    {0xC6120000, 15, "benchmarking"},  {0xC6336400, 24, "documentation"},
    {0xCB007100, 24, "documentation"}, {0xE0000000, 4, "multicast"},
    {0xF0000000, 4, "reserved"},
};

/* By the upper half of the address. */
static const struct {
	uint64_t net;
	uint8_t bits;
	const char *what;
} v6_blocks[] = {
    {0x2001000200000000, 48, "benchmarking"},  {0x2001001000000000, 28, "reserved"},
    {0x2001002000000000, 28, "reserved"},      {0x20010DB800000000, 32, "documentation"},
    {0x3FFF000000000000, 20, "documentation"}, {0xFC00000000000000, 7, "private"},
    {0xFE80000000000000, 10, "link_local"},    {0xFEC0000000000000, 10, "private"},
    {0xFF00000000000000, 8, "multicast"},
};

static const char *v4_block(uint32_t address)
{
	for (size_t i = 0; i < ARRAY_LEN(v4_blocks); i++) {
		if ((address ^ v4_blocks[i].net) >> (32 - v4_blocks[i].bits) == 0)
			return v4_blocks[i].what;
	}
	return "none";
}

static const char *v6_block(uint64_t upper, uint64_t lower)
{
	if (upper == 0 && lower <= 1)
		return lower == 1 ? "loopback" : "this_network";
	for (size_t i = 0; i < ARRAY_LEN(v6_blocks); i++) {
		if ((upper ^ v6_blocks[i].net) >> (64 - v6_blocks[i].bits) == 0)
			return v6_blocks[i].what;
	}
	return upper >> 61 == 1 ? "none" : "reserved"; /* 2000::/3 is all that is given out */
}

static void look(const struct sight *sight, struct facts *ret)
{
	struct ip_address a;

	if (!sight->contact || !ip_address_read(sight->contact->ip, &a))
		return;
	facts_set_text(ret, FACT_IP_BLOCK,
		       slice_cstr(a.v4 ? v4_block((uint32_t)a.lower) : v6_block(a.upper, a.lower)));
}

static enum answer judge(_unused_ const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	struct slice block;

	if (!facts_text(facts, FACT_IP_BLOCK, &block))
		return ANSWER_UNKNOWN;
	if (slice_is(block, "none"))
		return ANSWER_PASS;

	ret->reason = REASON_IP_NOT_PUBLIC;
	finding_text(ret, "block", block);
	return ANSWER_HIT;
}

const struct filter filter_bogon_ip = {
    .name = "bogon_ip",
    .help = "The address is none that people come from over the internet.",
    .action = ACTION_REJECT,
    .weight = 100,
    .local = true,
    .reasons = {REASON_IP_NOT_PUBLIC},
    FILTER_FACTS(FACT_IP_BLOCK),
    .look = look,
    .judge = judge,
};
