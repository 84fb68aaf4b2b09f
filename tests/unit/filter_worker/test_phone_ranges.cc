/* The table of phone ranges and libphonenumber, side by side: wherever the table answers, both say the same.
 *
 * Numbers are made from the library's own examples: some first digits kept, the rest at random, so that they fall on both
 * sides of the borders of ranges. Half of them are of the regions where most leads come from. The seed is fixed. */
#include <phonenumbers/phonenumber.pb.h>
#include <phonenumbers/phonenumberutil.h>

#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

extern "C" {
/* cmocka.h wants the above before it, and defines words that C++'s own headers use */
#include <cmocka.h>

#include "base/rng.h"
}

#include "filter-worker/shell/phone_number.h"

using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;

namespace
{

constexpr int kNumbers = PHONE_NUMBERS_COMPARED;
constexpr int kDisagreementsSaid = 20;
constexpr int kTypes = PhoneNumberUtil::VOICEMAIL + 1;

using Look = bool (*)(const std::string &text, phone_number *ret);

struct Example {
	std::string code, national;
};

struct Region {
	std::string name;
	std::vector<Example> examples;
};

struct Tally {
	int asked = 0, answered = 0, disagreed = 0;
};

const PhoneNumberUtil &Library()
{
	return *PhoneNumberUtil::GetInstance();
}

void AddExample(const PhoneNumber &number, Region *region)
{
	Example example = {std::to_string(number.country_code()), ""};

	Library().GetNationalSignificantNumber(number, &example.national);
	region->examples.push_back(example);
}

Region ExamplesOf(const std::string &name)
{
	Region region = {name, {}};
	PhoneNumber number;

	for (int type = 0; type < kTypes; type++)
		if (Library().GetExampleNumberForType(name, PhoneNumberUtil::PhoneNumberType(type),
						      &number))
			AddExample(number, &region);
	if (Library().GetInvalidExampleNumber(name, &number))
		AddExample(number, &region);
	return region;
}

std::vector<Region> AllRegions()
{
	std::vector<Region> regions;
	std::set<std::string> names;
	std::set<int> codes;
	Region world = {"001", {}};
	PhoneNumber number;

	Library().GetSupportedRegions(&names);
	for (const std::string &name : names)
		regions.push_back(ExamplesOf(name));
	Library().GetSupportedGlobalNetworkCallingCodes(&codes);
	for (int code : codes)
		if (Library().GetExampleNumberForNonGeoEntity(code, &number))
			AddExample(number, &world);
	regions.push_back(world);
	return regions;
}

std::vector<Region> MainRegions()
{
	std::vector<Region> regions;

	for (const char *name : {"RU", "KZ", "UA", "BY", "UZ", "US", "CA", "GB", "DE", "FR",
				 "ES", "IT", "PL", "TR", "BR", "IN", "MX", "AR", "ID", "VN"})
		regions.push_back(ExamplesOf(name));
	return regions;
}

bool Table(const std::string &text, phone_number *ret)
{
	return phone_ranges_look(slice_of(text.data(), text.size()), ret);
}

/* A table with one range gone wrong: what begins with +7 91 is said to be fixed. */
bool WrongTable(const std::string &text, phone_number *ret)
{
	if (!Table(text, ret))
		return false;
	if (text.compare(0, 4, "+791") == 0 && ret->line)
		ret->line = phone_line_text(PHONE_LINE_FIXED);
	return true;
}

bool Same(const phone_number &a, const phone_number &b)
{
	std::string a_line = a.line ? a.line : "", b_line = b.line ? b.line : "";

	return std::string(a.standing) == b.standing && a_line == b_line &&
	       std::string(a.region) == b.region;
}

std::string Said(const phone_number &n)
{
	return std::string(n.standing) + " " + (n.line ? n.line : "-") + " " + n.region;
}

void Compare(Look look, const std::string &text, const std::string &country, Tally *tally)
{
	phone_number ours, theirs;

	tally->asked++;
	if (!look(text, &ours))
		return;
	tally->answered++;
	if (phone_number_ask_library(text.c_str(), country.c_str(), &theirs) && Same(ours, theirs))
		return;
	if (++tally->disagreed <= kDisagreementsSaid && look == Table)
		print_error("%s from \"%s\": the table says %s, the library %s\n", text.c_str(),
			    country.c_str(), Said(ours).c_str(), Said(theirs).c_str());
}

template <typename T> const T &Any(rng *r, const std::vector<T> &all)
{
	return all[size_t(rng_below(r, all.size()))];
}

void PutDigits(rng *r, size_t count, std::string *to)
{
	while (count-- > 0)
		to->push_back(char('0' + rng_below(r, 10)));
}

/* One time in eight of another length, one in sixteen with a national prefix that does not belong there. */
std::string MakeNumber(rng *r, const Example &example)
{
	static const std::vector<std::string> prefixes = {"0", "1", "8", "06", "9"};
	size_t length = example.national.size();
	std::string text = "+" + example.code;

	if (rng_below(r, 16) == 0)
		text += Any(r, prefixes);
	if (rng_below(r, 8) == 0)
		length = length + 3 - size_t(rng_below(r, 7));
	text += example.national.substr(0, size_t(rng_below(r, example.national.size() + 1)));
	if (text.size() < 1 + example.code.size() + length)
		PutDigits(r, 1 + example.code.size() + length - text.size(), &text);
	return text;
}

void CompareRandom(Look look, int count, Tally *tally)
{
	const std::vector<Region> all = AllRegions(), main = MainRegions();
	rng r = rng_seed(20261123);

	for (int i = 0; i < count; i++) {
		const Region &region = Any(&r, i % 2 ? all : main);
		const Region &from = rng_below(&r, 2) ? region : Any(&r, all);

		Compare(look, MakeNumber(&r, Any(&r, region.examples)), from.name, tally);
	}
}

void the_librarys_examples_are_answered_as_the_library_does(void **)
{
	Tally tally;

	for (const Region &region : AllRegions()) {
		assert_true(!region.examples.empty());
		for (const Example &example : region.examples)
			Compare(Table, "+" + example.code + example.national, region.name, &tally);
	}
	assert_int_equal(tally.disagreed, 0);
	assert_true(tally.asked > 1000 && tally.answered > tally.asked * 9 / 10);
	print_message("%d examples, %d answered by the table\n", tally.asked, tally.answered);
}

void random_numbers_are_answered_as_the_library_does(void **)
{
	Tally tally;

	CompareRandom(Table, kNumbers, &tally);
	assert_int_equal(tally.disagreed, 0);
	assert_true(tally.answered > tally.asked * 9 / 10);
	print_message("%d numbers, %d answered by the table\n", tally.asked, tally.answered);
}

void one_wrong_range_is_found(void **)
{
	Tally tally;

	CompareRandom(WrongTable, 20000, &tally);
	assert_true(tally.disagreed > 0);
}

void what_is_not_e164_is_left_to_the_library(void **)
{
	phone_number number;

	for (const char *text : {"", "+", "79161234567", "+0791612345", "+7916123456x",
				 "+7 9161234567", "+7916123456789012", "+9991234567", "+7"})
		if (Table(text, &number))
			fail_msg("\"%s\" was answered", text);
	assert_true(phone_number_look("89161234567", "RU", &number));
	assert_string_equal(number.line, "mobile");
}

void a_national_prefix_behind_the_calling_code_is_left_to_the_library(void **)
{
	phone_number number;

	assert_false(Table("+4402079460000", &number)); /* +44 (0)20 ... */
	assert_true(phone_number_look("+4402079460000", "", &number));
	assert_string_equal(number.standing, "valid");
	assert_true(Table("+442079460000", &number));
	assert_string_equal(number.region, "GB");
}

} // namespace

int main()
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_librarys_examples_are_answered_as_the_library_does),
	    cmocka_unit_test(random_numbers_are_answered_as_the_library_does),
	    cmocka_unit_test(one_wrong_range_is_found),
	    cmocka_unit_test(what_is_not_e164_is_left_to_the_library),
	    cmocka_unit_test(a_national_prefix_behind_the_calling_code_is_left_to_the_library),
	};

	return cmocka_run_group_tests(tests, nullptr, nullptr);
}
