/* load_body: see load_body.h. */
#include "load_body.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Ranges of the Russian numbering plan that are all mobile, ten million numbers each. */
static const int ranges[] = {916, 926, 903, 905, 911, 961};
static const char *const verticals[] = {"microloan", "credit_card", "osago", "courses"};
static const char *const fields_json[] = {"\"amount\":30000,\"term_days\":30", "\"limit\":100000",
					  "\"power_hp\":120", "\"course\":\"C\""};
static const char *const fields_form[] = {"amount=30000&term_days=30", "limit=100000",
					  "power_hp=120", "course=C"};

static const char agent[] = "Mozilla/5.0 (Linux; Android 14; SM-A546E) AppleWebKit/537.36 (KHTML, "
			    "like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36";

/* People of a city: nobody's name or address comes so often that a filter would look twice. */
static const char *const first_names[] = {"Мария", "Ольга", "Елена", "Анна",
					  "Ирина", "Юлия",  "Вера",  "Дарья"};
static const char *const last_names[] = {"Соколова", "Кузнецова", "Попова",  "Лебедева",
					 "Козлова",  "Новикова",  "Морозова"};
static const char *const cities[] = {"Нижний Новгород", "Казань", "Самара", "Пермь", "Омск"};

static const char *address(uint64_t n, char ret[16])
{
	int len = snprintf(ret, 16, "95.%u.%u.%u", 24 + (unsigned)(n >> 16 & 7),
			   (unsigned)(n >> 8 & 0xFF), (unsigned)(n & 0xFF));

	assert(len > 0 && len < 16);
	return ret;
}

static int phone_range(uint64_t n)
{
	return ranges[n / 10000000 % ARRAY_LEN(ranges)];
}

size_t load_lead_json(char ret[LOAD_LEAD_MAX], uint64_t n)
{
	size_t v = n % ARRAY_LEN(verticals);
	char ip[16];
	int len = snprintf(
	    ret, LOAD_LEAD_MAX,
	    "{\"vertical\":\"%s\",\"phone\":\"+7%d%07" PRIu64 "\",\"email\":\"lead.%" PRIu64
	    "@example.ru\",\"first_name\":\"%s\",\"last_name\":\"%s\",\"country\":\"RU\","
	    "\"city\":\"%s\",\"ip\":\"%s\",\"user_agent\":\"%s\","
	    "\"landing_url\":\"https://forms.example.org/card?utm_source=blog\",\"sub1\":\"s%u\","
	    "\"click_id\":\"c%012" PRIu64 "\",\"filled_ms\":34210,\"honeypot\":\"\","
	    "\"language\":\"ru-RU\",\"os\":\"Android\",\"fields\":{%s}}",
	    verticals[v], phone_range(n), n % 10000000, n, first_names[n % ARRAY_LEN(first_names)],
	    last_names[n % ARRAY_LEN(last_names)], cities[n % ARRAY_LEN(cities)], address(n, ip),
	    agent, (unsigned)(n % 20), n, fields_json[v]);

	assert(len > 0 && len < LOAD_LEAD_MAX);
	return (size_t)len;
}

size_t load_lead_json_more(char *ret, uint64_t n, size_t more)
{
	static const char digits[64] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t len = load_lead_json(ret, n);
	uint64_t bits = n * 0x9E3779B97F4A7C15u + 1;

	assert(more <= LOAD_MORE_MAX && ret[len - 1] == '}' && ret[len - 2] == '}');
	if (more == 0)
		return len;
	len -= 2;
	len += (size_t)sprintf(ret + len, ",\"note\":\"");
	for (size_t i = 0; i < more; i++) {
		bits ^= bits << 13;
		bits ^= bits >> 7;
		bits ^= bits << 17;
		ret[len++] = digits[bits >> 58];
	}
	memcpy(ret + len, "\"}}", 3);
	return len + 3;
}

size_t load_lead_form(char ret[LOAD_LEAD_MAX], uint64_t n)
{
	size_t v = n % ARRAY_LEN(verticals);
	char ip[16];
	int len = snprintf(
	    ret, LOAD_LEAD_MAX,
	    "vertical=%s&phone=%%2B7%d%07" PRIu64 "&email=lead.%" PRIu64
	    "%%40example.ru&first_name=Maria&last_name=Sokolova&country=RU&city="
	    "%%D0%%9D%%D0%%B8%%D0%%B6%%D0%%BD%%D0%%B8%%D0%%B9+%%D0%%9D%%D0%%BE%%D0%%B2"
	    "%%D0%%B3%%D0%%BE%%D1%%80%%D0%%BE%%D0%%B4&ip=%s&sub1=s%u"
	    "&click_id=c%012" PRIu64 "&filled_ms=34210&honeypot=&language=ru-RU&os=Android&%s",
	    verticals[v], phone_range(n), n % 10000000, n, address(n, ip), (unsigned)(n % 20), n,
	    fields_form[v]);

	assert(len > 0 && len < LOAD_LEAD_MAX);
	return (size_t)len;
}
