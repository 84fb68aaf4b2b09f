/* load_body: see load_body.h. */
#include "load_body.h"

#include <inttypes.h>
#include <stdio.h>

/* Ranges of the Russian numbering plan that are all mobile, ten million numbers each. */
static const int ranges[] = {916, 926, 903, 905, 911, 961};
static const char *const verticals[] = {"microloan", "credit_card", "osago", "courses"};
static const char *const fields_json[] = {"\"amount\":30000,\"term_days\":30", "\"limit\":100000",
					  "\"power_hp\":120", "\"course\":\"C\""};
static const char *const fields_form[] = {"amount=30000&term_days=30", "limit=100000",
					  "power_hp=120", "course=C"};

static const char agent[] = "Mozilla/5.0 (Linux; Android 14; SM-A546E) AppleWebKit/537.36 (KHTML, "
			    "like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36";

static int phone_range(uint64_t n)
{
	return ranges[n / 10000000 % ARRAY_LEN(ranges)];
}

size_t load_lead_json(char ret[LOAD_LEAD_MAX], uint64_t n)
{
	size_t v = n % ARRAY_LEN(verticals);
	int len = snprintf(
	    ret, LOAD_LEAD_MAX,
	    "{\"vertical\":\"%s\",\"phone\":\"+7%d%07" PRIu64 "\",\"email\":\"lead.%" PRIu64
	    "@example.ru\",\"first_name\":\"Мария\",\"last_name\":\"Соколова\",\"country\":\"RU\","
	    "\"city\":\"Нижний Новгород\",\"ip\":\"95.26.%u.%u\",\"user_agent\":\"%s\","
	    "\"landing_url\":\"https://forms.example.org/card?utm_source=blog\",\"sub1\":\"s%u\","
	    "\"click_id\":\"c%012" PRIu64 "\",\"filled_ms\":34210,\"honeypot\":\"\","
	    "\"language\":\"ru-RU\",\"os\":\"Android\",\"fields\":{%s}}",
	    verticals[v], phone_range(n), n % 10000000, n, (unsigned)(n >> 8 & 0xFF),
	    (unsigned)(n & 0xFF), agent, (unsigned)(n % 20), n, fields_json[v]);

	assert(len > 0 && len < LOAD_LEAD_MAX);
	return (size_t)len;
}

size_t load_lead_form(char ret[LOAD_LEAD_MAX], uint64_t n)
{
	size_t v = n % ARRAY_LEN(verticals);
	int len = snprintf(
	    ret, LOAD_LEAD_MAX,
	    "vertical=%s&phone=%%2B7%d%07" PRIu64 "&email=lead.%" PRIu64
	    "%%40example.ru&first_name=Maria&last_name=Sokolova&country=RU&city="
	    "%%D0%%9D%%D0%%B8%%D0%%B6%%D0%%BD%%D0%%B8%%D0%%B9+%%D0%%9D%%D0%%BE%%D0%%B2"
	    "%%D0%%B3%%D0%%BE%%D1%%80%%D0%%BE%%D0%%B4&ip=95.26.1.1&sub1=s%u"
	    "&click_id=c%012" PRIu64 "&filled_ms=34210&honeypot=&language=ru-RU&os=Android&%s",
	    verticals[v], phone_range(n), n % 10000000, n, (unsigned)(n % 20), n, fields_form[v]);

	assert(len > 0 && len < LOAD_LEAD_MAX);
	return (size_t)len;
}
