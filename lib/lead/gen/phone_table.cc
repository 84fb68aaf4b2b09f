// phone_table: writes what phone_normalise() needs of libphonenumber's metadata as a C header, at build time.
//
// For each calling code the lengths that a national number can have, for all kinds and for mobile ones; for each region
// its calling code and the prefixes that people dial before a national number. The lengths are asked of the library; the
// prefixes are found by trying: one that the library takes off the region's example numbers is one.
// Fails (status 1) when the library knows no Russian mobile number: then the table would be worth nothing.
#include <phonenumbers/phonenumberutil.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <vector>

using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;

namespace
{

std::FILE *out; // not the standard output: the library's own messages go there

constexpr int kLengthMax = 15;
constexpr size_t kTrunksMax = 4;
constexpr int kCodeMax = 999;

const PhoneNumberUtil &Library()
{
	return *PhoneNumberUtil::GetInstance();
}

unsigned Lengths(int code, PhoneNumberUtil::PhoneNumberType type)
{
	unsigned mask = 0;
	uint64_t digits = 2;

	for (int length = 1; length <= kLengthMax; length++, digits = digits * 10 + 2) {
		PhoneNumber number;

		number.set_country_code(code);
		number.set_national_number(digits);
		if (Library().IsPossibleNumberForTypeWithReason(number, type) ==
		    PhoneNumberUtil::IS_POSSIBLE)
			mask |= 1u << length;
	}
	return mask;
}

bool TakenOff(const std::string &prefix, const PhoneNumber &example, const std::string &region)
{
	std::string national;
	PhoneNumber read;

	Library().GetNationalSignificantNumber(example, &national);
	return Library().Parse(prefix + national, region, &read) ==
		   PhoneNumberUtil::NO_PARSING_ERROR &&
	       Library().IsValidNumber(read) &&
	       read.national_number() == example.national_number() &&
	       read.italian_leading_zero() == example.italian_leading_zero();
}

std::vector<std::string> Trunks(const std::string &region)
{
	std::set<std::string> candidates = {"0", "1", "8", "80", "01", "06"};
	std::vector<std::string> found;
	std::string own;
	PhoneNumber mobile;

	Library().GetNddPrefixForRegion(region, true, &own);
	if (!own.empty())
		candidates.insert(own);
	if (!Library().GetExampleNumberForType(region, PhoneNumberUtil::MOBILE, &mobile) &&
	    !Library().GetExampleNumber(region, &mobile))
		return found;
	for (const std::string &candidate : candidates)
		if (candidate.size() <= 3 && TakenOff(candidate, mobile, region))
			found.push_back(candidate);
	std::stable_sort(
	    found.begin(), found.end(),
	    [](const std::string &a, const std::string &b) { return a.size() > b.size(); });
	if (found.size() > kTrunksMax)
		found.resize(kTrunksMax);
	return found;
}

void WriteTrunks(const std::string &region)
{
	std::fprintf(out, "{");
	for (const std::string &trunk : Trunks(region))
		std::fprintf(out, "\"%s\", ", trunk.c_str());
	std::fprintf(out, "}");
}

std::set<int> Codes(const std::set<std::string> &regions)
{
	std::set<int> codes;

	Library().GetSupportedGlobalNetworkCallingCodes(&codes);
	for (const std::string &region : regions)
		codes.insert(Library().GetCountryCodeForRegion(region));
	return codes;
}

void WritePlans(const std::set<int> &codes)
{
	std::fprintf(out, "static const struct phone_plan phone_plans[] = {\n");
	for (int code : codes) {
		std::string main_region;

		Library().GetRegionCodeForCountryCode(code, &main_region);
		std::fprintf(out, "\t{%d, 0x%x, 0x%x, ", code,
			     Lengths(code, PhoneNumberUtil::UNKNOWN),
			     Lengths(code, PhoneNumberUtil::MOBILE));
		WriteTrunks(main_region);
		std::fprintf(out, "},\n");
	}
	std::fprintf(out, "};\n\n");

	/* Index of a plan by its calling code, plus one. */
	std::fprintf(out, "static const uint16_t phone_plan_of_code[%d] = {\n", kCodeMax + 1);
	int index = 0;
	for (int code : codes)
		std::fprintf(out, "\t[%d] = %d,\n", code, ++index);
	std::fprintf(out, "};\n\n");
}

void WriteRegions(const std::set<std::string> &regions)
{
	int index = 0;

	std::fprintf(out, "static const struct phone_region phone_regions[] = {\n");
	for (const std::string &region : regions) {
		std::fprintf(out, "\t{\"%s\", %d, ", region.c_str(),
			     Library().GetCountryCodeForRegion(region));
		WriteTrunks(region);
		std::fprintf(out, "},\n");
	}
	std::fprintf(out, "};\n\nstatic const uint16_t phone_region_of_letters[26 * 26] = {\n");
	for (const std::string &region : regions)
		std::fprintf(out, "\t[%d] = %d,\n", (region[0] - 'A') * 26 + (region[1] - 'A'),
			     ++index);
	std::fprintf(out, "};\n");
}

} // namespace

int main(int argc, char **argv)
{
	std::set<std::string> all, regions;

	if (argc != 2 || !(out = std::fopen(argv[1], "w"))) {
		std::fprintf(stderr, "usage: phone_table_gen FILE\n");
		return 2;
	}
	Library().GetSupportedRegions(&all);
	for (const std::string &region : all)
		if (region.size() == 2 && region[0] >= 'A' && region[0] <= 'Z' &&
		    region[1] >= 'A' && region[1] <= 'Z')
			regions.insert(region);
	if (!(Lengths(7, PhoneNumberUtil::MOBILE) & 1u << 10)) {
		std::fprintf(stderr, "phone_table: libphonenumber has no metadata for +7\n");
		return 1;
	}
	std::fprintf(out, "/* Made by lib/lead/gen/phone_table.cc; not to be edited. */\n");
	WritePlans(Codes(regions));
	WriteRegions(regions);
	return std::fclose(out) == 0 ? 0 : 1;
}
