/* Two letters of a country, then what was typed: read as a phone and as an address. What is normal stays as it is. */
#include "lead/contact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char phone[PHONE_TEXT_MAX], phone_again[PHONE_TEXT_MAX];
	char email[EMAIL_TEXT_MAX + 1], email_again[EMAIL_TEXT_MAX + 1];
	struct slice typed;

	if (size < 2)
		return 0;
	typed = slice_of(data + 2, size - 2);
	if (phone_normalise(typed, slice_of(data, 2), phone) == PHONE_E164) {
		if (phone_normalise(slice_cstr(phone), SLICE("RU"), phone_again) != PHONE_E164)
			__builtin_trap();
		assert(strcmp(phone, phone_again) == 0);
	}
	if (email_normalise(typed, email) == EMAIL_OK) {
		if (email_normalise(slice_cstr(email), email_again) != EMAIL_OK)
			__builtin_trap();
		assert(strcmp(email, email_again) == 0);
	}
	return 0;
}
