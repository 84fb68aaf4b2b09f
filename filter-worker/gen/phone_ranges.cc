// phone_ranges: writes the numbering plans of libphonenumber (its metadata, Apache-2.0) as one automaton, at build time.
//
// The metadata describe a plan by regular expressions, one for each region and kind of line. The expressions of all
// regions of a calling code are run side by side (digit_patterns), each set of digits that they can't tell apart is one
// row of the table, and what PhoneNumberUtil makes of the matches is worked out here once for each row: possible length,
// region, kind of line. Rows are merged from the ends of the numbers backwards, so the table has no two equal ones.
//
// The library takes off a national prefix that was dialled after a calling code, where that seems to help. A number to
// which that could happen is left to the library. So is a calling code whose patterns can't be read; without Russia's the
// table would be worth little, and status 1 stops the build. Depends on metadata_get(), which the library exports and its
// headers don't declare.
#include <phonenumbers/phonemetadata.pb.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "digit_patterns.h"
#include "filter-worker/core/phone_ranges.h"

using i18n::phonenumbers::PhoneMetadata;
using i18n::phonenumbers::PhoneMetadataCollection;
using i18n::phonenumbers::PhoneNumberDesc;

namespace i18n
{
namespace phonenumbers
{
int metadata_size();
const void *metadata_get();
} // namespace phonenumbers
} // namespace i18n

namespace
{

constexpr int kNationalMin = 3; // shorter ones are refused for other reasons than their plan's
constexpr int kRowsMax = 65535;
constexpr int kCodeMax = 999;

// Tags of a region's patterns: its place times kTagsEach, and a kind of line, or one of these.
constexpr int kGeneral = PHONE_LINE_UNKNOWN;
constexpr int kLeading = PHONE_LINE_COUNT;
constexpr int kTagsEach = 16;
// Tags of the calling code: a national prefix can be taken off, and what is left fits the plan; or is long enough.
constexpr int kPrefixLeavesNumber = 1 << 20;
constexpr int kPrefixLeavesLength = kPrefixLeavesNumber + 1;

using Plans = std::vector<const PhoneMetadata *>; // of one calling code; its main region first

struct Row {
	uint16_t next[10];
	uint16_t cell;

	bool operator<(const Row &other) const
	{
		return std::memcmp(this, &other, sizeof(*this)) < 0;
	}
};

// All rows; equal ones once. Row 0 says nothing, and leads to itself.
class Table
{
      public:
	Table()
	{
		Place(Row{});
	}

	uint16_t Place(const Row &row)
	{
		auto known = places_.find(row);

		if (known != places_.end())
			return known->second;
		if (rows_.size() > kRowsMax)
			throw std::length_error("too many rows");
		rows_.push_back(row);
		return places_[row] = uint16_t(rows_.size() - 1);
	}

	const std::vector<Row> &rows() const
	{
		return rows_;
	}

      private:
	std::vector<Row> rows_;
	std::map<Row, uint16_t> places_;
};

bool Has(const google::protobuf::RepeatedField<int> &lengths, int length)
{
	for (int each : lengths)
		if (each == length)
			return true;
	return false;
}

const PhoneNumberDesc &Description(const PhoneMetadata &plan, int line)
{
	switch (line) {
	case PHONE_LINE_PREMIUM:
		return plan.premium_rate();
	case PHONE_LINE_TOLL_FREE:
		return plan.toll_free();
	case PHONE_LINE_SHARED_COST:
		return plan.shared_cost();
	case PHONE_LINE_VOIP:
		return plan.voip();
	case PHONE_LINE_PERSONAL:
		return plan.personal_number();
	case PHONE_LINE_PAGER:
		return plan.pager();
	case PHONE_LINE_UAN:
		return plan.uan();
	case PHONE_LINE_VOICEMAIL:
		return plan.voicemail();
	case PHONE_LINE_FIXED:
		return plan.fixed_line();
	case PHONE_LINE_MOBILE:
		return plan.mobile();
	default:
		return plan.general_desc();
	}
}

// The rows of one calling code.
class Code
{
      public:
	Code(const Plans &plans, const std::map<std::string, int> &places, Table *table)
	    : plans_(plans), places_(places), table_(table),
	      longest_(PHONE_DIGITS_MOST - int(std::to_string(plans[0]->country_code()).size()))
	{
		for (size_t i = 0; i < plans_.size(); i++)
			AddRegion(*plans_[i], int(i) * kTagsEach);
		AddPrefix(*plans_[0]);
	}

	uint16_t First()
	{
		return At(0, patterns_.Begin());
	}

      private:
	void AddRegion(const PhoneMetadata &plan, int tags)
	{
		for (int line = kGeneral; line <= PHONE_LINE_MOBILE; line++) {
			const std::string &pattern =
			    Description(plan, line).national_number_pattern();

			if (!pattern.empty())
				patterns_.Match(pattern, tags + line);
		}
		if (plan.has_leading_digits())
			patterns_.MatchBeginning(plan.leading_digits(), tags + kLeading);
	}

	// Only the main region's prefix is ever taken off behind a calling code.
	void AddPrefix(const PhoneMetadata &plan)
	{
		std::string prefix = plan.national_prefix_for_parsing();
		uint32_t lengths = 0;

		/* A prefix that must be the whole number is taken for one that needn't: that only asks the library more often. */
		prefix.erase(std::remove(prefix.begin(), prefix.end(), '$'), prefix.end());
		if (prefix.empty())
			return;
		if (!plan.national_prefix_transform_rule().empty()) {
			patterns_.MatchThenLength(prefix, UINT32_MAX, kPrefixLeavesNumber);
			patterns_.MatchThenLength(prefix, UINT32_MAX, kPrefixLeavesLength);
			return;
		}
		for (int length = 0; length <= PHONE_DIGITS_MOST; length++)
			if (IsPossible(length) || length > Longest())
				lengths |= 1u << length;
		patterns_.MatchThenLength(prefix, lengths, kPrefixLeavesLength);
		patterns_.MatchBoth(prefix, plan.general_desc().national_number_pattern(),
				    kPrefixLeavesNumber);
	}

	int Longest() const
	{
		const auto &lengths = plans_[0]->general_desc().possible_length();

		if (lengths.empty())
			throw std::invalid_argument("no lengths");
		return lengths.Get(lengths.size() - 1);
	}

	bool IsPossible(int length) const
	{
		const PhoneNumberDesc &all = plans_[0]->general_desc();

		return Has(all.possible_length(), length) &&
		       !Has(all.possible_length_local_only(), length);
	}

	bool Fits(int region, int line, int length, const std::set<int> &tags) const
	{
		const auto &lengths = Description(*plans_[size_t(region)], line).possible_length();

		return tags.count(region * kTagsEach + line) &&
		       (lengths.empty() || Has(lengths, length));
	}

	int Line(int region, int length, const std::set<int> &tags) const
	{
		bool same = plans_[size_t(region)]->same_mobile_and_fixed_line_pattern();
		bool mobile = Fits(region, PHONE_LINE_MOBILE, length, tags);

		if (!Fits(region, kGeneral, length, tags))
			return PHONE_LINE_UNKNOWN;
		for (int line = PHONE_LINE_PREMIUM; line < PHONE_LINE_FIXED; line++)
			if (Fits(region, line, length, tags))
				return line;
		if (Fits(region, PHONE_LINE_FIXED, length, tags))
			return same || mobile ? PHONE_LINE_FIXED_OR_MOBILE : PHONE_LINE_FIXED;
		return !same && mobile ? PHONE_LINE_MOBILE : PHONE_LINE_UNKNOWN;
	}

	// The first region whose leading digits these are, or, where it has none, one of whose lines this is. -1: none.
	int Region(int length, const std::set<int> &tags) const
	{
		if (plans_.size() == 1)
			return 0;
		for (int i = 0; i < int(plans_.size()); i++) {
			if (plans_[size_t(i)]->has_leading_digits()
				? tags.count(i * kTagsEach + kLeading) != 0
				: Line(i, length, tags) != PHONE_LINE_UNKNOWN)
				return i;
		}
		return -1;
	}

	uint16_t Cell(int length, const std::set<int> &tags) const
	{
		bool fits = tags.count(kGeneral) != 0;
		int region = Region(length, tags);
		int line;

		if (length < kNationalMin ||
		    (tags.count(kPrefixLeavesLength) && (!fits || tags.count(kPrefixLeavesNumber))))
			return PHONE_NOT_IN_TABLE;
		if (!IsPossible(length))
			return PHONE_CELL(PHONE_IMPOSSIBLE, 0, 0);
		line = region < 0 ? int(PHONE_LINE_UNKNOWN) : Line(region, length, tags);
		return uint16_t(
		    PHONE_CELL(line == PHONE_LINE_UNKNOWN ? PHONE_UNASSIGNED : PHONE_VALID, line,
			       plans_.size() == 1 ? 0 : Place(region)));
	}

	int Place(int region) const
	{
		return places_.at(region < 0 ? "" : plans_[size_t(region)]->id());
	}

	uint16_t At(int length, const DigitPatterns::States &states)
	{
		auto key = std::make_pair(length, states);
		auto known = known_.find(key);
		Row row = {};

		if (known != known_.end())
			return known->second;
		if (length < longest_)
			for (int digit = 0; digit < 10; digit++)
				row.next[digit] = At(length + 1, patterns_.Step(states, digit));
		row.cell = Cell(length, patterns_.Tags(states));
		return known_[key] = table_->Place(row);
	}

	const Plans &plans_;
	const std::map<std::string, int> &places_;
	Table *table_;
	const int longest_;
	DigitPatterns patterns_;
	std::map<std::pair<int, DigitPatterns::States>, uint16_t> known_;
};

struct Root {
	int code;
	std::string region;
	uint16_t first;
};

void Write(std::FILE *out, const Table &table, const std::vector<Root> &roots,
	   const std::map<std::string, int> &places)
{
	int index = 0;

	std::fprintf(out, "/* Made by filter-worker/gen/phone_ranges.cc of libphonenumber's "
			  "metadata (Apache-2.0); not to be edited. */\n");
	std::fprintf(out, "static const struct phone_range phone_ranges[] = {\n");
	for (const Row &row : table.rows()) {
		std::fprintf(out, "\t{{");
		for (uint16_t next : row.next)
			std::fprintf(out, "%d, ", next);
		std::fprintf(out, "}, %d},\n", row.cell);
	}
	std::fprintf(out, "}; /* %zu rows, %zu bytes */\n\n", table.rows().size(),
		     table.rows().size() * sizeof(Row));
	std::fprintf(out, "static const struct phone_root phone_roots[] = {\n");
	for (const Root &root : roots)
		std::fprintf(out, "\t{%d, \"%s\", %d},\n", root.code, root.region.c_str(),
			     root.first);
	std::fprintf(out,
		     "};\n\n/* A root's place, plus one. */\n"
		     "static const uint16_t phone_root_of_code[%d] = {\n",
		     kCodeMax + 1);
	for (const Root &root : roots)
		std::fprintf(out, "\t[%d] = %d,\n", root.code, ++index);
	std::fprintf(out, "};\n\nstatic const char phone_regions[][4] = {\n");
	for (const auto &place : places)
		std::fprintf(out, "\t[%d] = \"%s\",\n", place.second - 1, place.first.c_str());
	std::fprintf(out, "};\n");
}

std::map<int, Plans> ByCode(const PhoneMetadataCollection &all)
{
	std::map<int, Plans> codes;

	for (const PhoneMetadata &plan : all.metadata()) {
		Plans &plans = codes[plan.country_code()];

		plans.insert(plan.main_country_for_code() ? plans.begin() : plans.end(), &plan);
	}
	return codes;
}

void Make(std::FILE *out)
{
	namespace lib = i18n::phonenumbers;
	PhoneMetadataCollection all;
	std::map<std::string, int> places = {{"", 1}};
	std::vector<Root> roots;
	bool russia = false;
	Table table;

	if (!all.ParseFromArray(lib::metadata_get(), lib::metadata_size()))
		throw std::runtime_error("the metadata can't be read");
	for (const PhoneMetadata &plan : all.metadata())
		places.emplace(plan.id(), int(places.size()) + 1);
	for (const auto &code : ByCode(all)) {
		try {
			roots.push_back({code.first,
					 code.second.size() == 1 ? code.second[0]->id() : "",
					 Code(code.second, places, &table).First()});
			russia |= code.first == 7;
		} catch (const std::invalid_argument &why) {
			std::fprintf(stderr, "phone_ranges: +%d is left out: %s\n", code.first,
				     why.what());
		}
	}
	if (!russia)
		throw std::runtime_error("no table for +7");
	Write(out, table, roots, places);
}

} // namespace

int main(int argc, char **argv)
{
	std::FILE *out;

	if (argc != 2 || !(out = std::fopen(argv[1], "w"))) {
		std::fprintf(stderr, "usage: phone_ranges_gen FILE\n");
		return 2;
	}
	try {
		Make(out);
	} catch (const std::exception &why) {
		std::fprintf(stderr, "phone_ranges: %s\n", why.what());
		return 1;
	}
	return std::fclose(out) == 0 ? 0 : 1;
}
