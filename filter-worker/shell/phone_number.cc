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

const char *line_name(PhoneNumberUtil::PhoneNumberType type)
{
	switch (type) {
	case PhoneNumberUtil::FIXED_LINE:
		return "fixed_line";
	case PhoneNumberUtil::MOBILE:
		return "mobile";
	case PhoneNumberUtil::FIXED_LINE_OR_MOBILE:
		return "fixed_or_mobile";
	case PhoneNumberUtil::TOLL_FREE:
		return "toll_free";
	case PhoneNumberUtil::PREMIUM_RATE:
		return "premium";
	case PhoneNumberUtil::SHARED_COST:
		return "shared_cost";
	case PhoneNumberUtil::VOIP:
		return "voip";
	case PhoneNumberUtil::PERSONAL_NUMBER:
		return "personal";
	case PhoneNumberUtil::PAGER:
		return "pager";
	case PhoneNumberUtil::UAN:
		return "uan";
	case PhoneNumberUtil::VOICEMAIL:
		return "voicemail";
	default:
		return nullptr;
	}
}

void look(const char *text, const char *country, phone_number *ret)
{
	const PhoneNumberUtil &util = numbers();
	PhoneNumberUtil::PhoneNumberType type;
	PhoneNumber number;
	std::string region;

	*ret = phone_number{};
	ret->standing = "impossible";
	if (util.Parse(text, *country ? country : "ZZ", &number) !=
		PhoneNumberUtil::NO_PARSING_ERROR ||
	    util.IsPossibleNumberWithReason(number) != PhoneNumberUtil::IS_POSSIBLE)
		return;

	util.GetRegionCodeForNumber(number, &region);
	if (region.size() < sizeof(ret->region) && region != "ZZ")
		std::memcpy(ret->region, region.c_str(), region.size() + 1);
	/* The library calls a number valid exactly when it has a type, and finds both by the same search: one is enough. */
	type = util.GetNumberType(number);
	ret->standing = type != PhoneNumberUtil::UNKNOWN ? "valid" : "unassigned";
	ret->line = line_name(type);
}

} // namespace

extern "C" int phone_number_look(const char *text, const char *country, struct phone_number *ret)
{
	try {
		look(text, country, ret);
		return 1;
	} catch (...) {
		return 0;
	}
}
