/* phone_number: see phone_number.h. */
#include "phone_number.h"

#include <cstring>
#include <string>

#include <phonenumbers/logger.h>
#include <phonenumbers/phonenumber.pb.h>
#include <phonenumbers/phonenumberutil.h>

using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;

namespace
{

/* The library writes what it thinks of an input to standard output, input and all; logs of ours hold no contact. */
class Silence : public i18n::phonenumbers::Logger
{
      public:
	void WriteMessage(const std::string &) override
	{
	}
};

const PhoneNumberUtil &numbers()
{
	static const PhoneNumberUtil *const util = [] {
		PhoneNumberUtil *u = PhoneNumberUtil::GetInstance();

		u->SetLogger(new Silence);
		return u;
	}();

	return *util;
}

enum phone_line line_of(PhoneNumberUtil::PhoneNumberType type)
{
	switch (type) {
	case PhoneNumberUtil::FIXED_LINE:
		return PHONE_LINE_FIXED;
	case PhoneNumberUtil::MOBILE:
		return PHONE_LINE_MOBILE;
	case PhoneNumberUtil::FIXED_LINE_OR_MOBILE:
		return PHONE_LINE_FIXED_OR_MOBILE;
	case PhoneNumberUtil::TOLL_FREE:
		return PHONE_LINE_TOLL_FREE;
	case PhoneNumberUtil::PREMIUM_RATE:
		return PHONE_LINE_PREMIUM;
	case PhoneNumberUtil::SHARED_COST:
		return PHONE_LINE_SHARED_COST;
	case PhoneNumberUtil::VOIP:
		return PHONE_LINE_VOIP;
	case PhoneNumberUtil::PERSONAL_NUMBER:
		return PHONE_LINE_PERSONAL;
	case PhoneNumberUtil::PAGER:
		return PHONE_LINE_PAGER;
	case PhoneNumberUtil::UAN:
		return PHONE_LINE_UAN;
	case PhoneNumberUtil::VOICEMAIL:
		return PHONE_LINE_VOICEMAIL;
	default:
		return PHONE_LINE_UNKNOWN;
	}
}

void ask(const char *text, const char *country, phone_number *ret)
{
	const PhoneNumberUtil &util = numbers();
	PhoneNumberUtil::PhoneNumberType type;
	PhoneNumber number;
	std::string region;

	*ret = phone_number{};
	ret->standing = phone_standing_text(PHONE_IMPOSSIBLE);
	if (util.Parse(text, *country ? country : "ZZ", &number) !=
		PhoneNumberUtil::NO_PARSING_ERROR ||
	    util.IsPossibleNumberWithReason(number) != PhoneNumberUtil::IS_POSSIBLE)
		return;

	util.GetRegionCodeForNumber(number, &region);
	if (region.size() < sizeof(ret->region) && region != "ZZ")
		std::memcpy(ret->region, region.c_str(), region.size() + 1);
	/* The library calls a number valid exactly when it has a type, and finds both by the same search: one is enough. */
	type = util.GetNumberType(number);
	ret->standing =
	    phone_standing_text(type != PhoneNumberUtil::UNKNOWN ? PHONE_VALID : PHONE_UNASSIGNED);
	ret->line = phone_line_text(line_of(type));
}

} // namespace

extern "C" int phone_number_ask_library(const char *text, const char *country,
					struct phone_number *ret)
{
	try {
		ask(text, country, ret);
		return 1;
	} catch (...) {
		return 0;
	}
}

extern "C" int phone_number_look(const char *text, const char *country, struct phone_number *ret)
{
	return phone_ranges_look(slice_cstr(text), ret) ||
	       phone_number_ask_library(text, country, ret);
}
