/* write: see write.h. */
#include "payout/reports/write.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/money.h"

void write_csv_text(FILE *out, struct slice s)
{
	fputc('"', out);
	for (size_t i = 0; i < s.len; i++) {
		if (i == 0 && strchr("=+-@\t\r", s.data[0]))
			fputc('\'', out);
		if (s.data[i] == '"')
			fputc('"', out);
		fputc(s.data[i], out);
	}
	fputc('"', out);
}

void write_markup_text(FILE *out, struct slice s)
{
	bool valid = slice_utf8_valid(s);

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.data[i];

		if (c == '&')
			fputs("&amp;", out);
		else if (c == '<')
			fputs("&lt;", out);
		else if (c == '>')
			fputs("&gt;", out);
		else if (c == '"')
			fputs("&quot;", out);
		else if (c == '\'')
			fputs("&#39;", out);
		else
			fputc(c < ' ' || c == 0x7f || (c > 0x7f && !valid) ? '?' : c, out);
	}
}

void write_json_text(FILE *out, const char *name, struct slice s)
{
	struct buf b = {0};

	json_write_member(&b, name, s);
	fputs(buf_cstr(&b), out);
	buf_free(&b);
}

const char *write_money(int64_t amount_minor, struct slice currency, char ret[MONEY_TEXT_MAX])
{
	char code[4];

	snprintf(code, sizeof(code), SLICE_FMT, SLICE_ARG(currency));
	money_text(amount_minor, code, ret, MONEY_TEXT_MAX);
	return ret;
}

const char *write_decimal(int64_t amount_minor, const char *currency, char ret[MONEY_TEXT_MAX])
{
	money_text(amount_minor, currency, ret, MONEY_TEXT_MAX);
	ret[strcspn(ret, " ")] = '\0';
	return ret;
}
