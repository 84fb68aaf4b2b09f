/* User agents: people's browsers, browsers inside apps, crawlers of open data, programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* cmocka.h wants the above before it */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "filter-worker/shell/agents_open.h"

#define PATTERNS    ".cache/data/agent-patterns.tsv"
#define OWN         "rules/agents.txt"
#define KINDS       (AGENT_AUTOMATION + 1)
#define LINE_LENGTH 1024

static struct agents *open_all(void)
{
	struct error error;
	struct agents *a = agents_open(PATTERNS, OWN, &error);

	if (!a)
		fail_msg("%s", error.text);
	return a;
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Of the last cell of each line. */
static size_t count_kinds(const struct agents *a, const char *path, size_t counts[KINDS])
{
	char line[LINE_LENGTH];
	size_t total = 0;
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		char *tab = strrchr(line, '\t'), *text = tab ? tab + 1 : line;
		enum agent_kind kind;

		text[strcspn(text, "\n")] = '\0';
		kind = agents_kind(a, slice_cstr(text));
		counts[kind]++;
		total++;
	}
	fclose(f);
	return total;
}

static void say(const char *what, const size_t counts[KINDS], size_t total)
{
	print_message("%s: %zu", what, total);
	for (size_t i = 0; i < KINDS; i++)
		print_message(", " SLICE_FMT " %zu", SLICE_ARG(agent_kind_text((enum agent_kind)i)),
			      counts[i]);
	print_message("\n");
}

static void browsers_are_people(void **state)
{
	struct agents *a = open_all();
	size_t counts[KINDS] = {0};
	size_t total = count_kinds(a, ".cache/data/user-agents.tsv", counts);

	(void)state;
	say("browsers", counts, total);
	assert_true(total > 500);
	assert_int_equal(counts[AGENT_BROWSER] + counts[AGENT_IN_APP], total);
	agents_close(a);
}

static void crawlers_are_found(void **state)
{
	struct agents *a = open_all();
	size_t counts[KINDS] = {0};
	size_t total = count_kinds(a, ".cache/data/crawlers.tsv", counts), found;

	(void)state;
	say("crawlers", counts, total);
	found = counts[AGENT_CRAWLER] + counts[AGENT_AUTOMATION] + counts[AGENT_LIBRARY];
	print_message("%.2f %% are crawlers, automation or libraries\n",
		      100.0 * (double)found / (double)total);
	assert_true(found * 100 > total * 99);
	agents_close(a);
}

#define ANDROID                                                                                    \
	"Mozilla/5.0 (Linux; Android 14; SM-A546E Build/UP1A.231005.007; wv) AppleWebKit/537.36 "  \
	"(KHTML, like Gecko) Version/4.0 Chrome/131.0.6778.81 Mobile Safari/537.36"
#define IPHONE                                                                                     \
	"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, "   \
	"like Gecko)"

static void browsers_inside_apps_are_people(void **state)
{
	static const char *const agents[] = {
	    ANDROID " [FB_IAB/FB4A;FBAV/490.0.0.57.109;]",
	    IPHONE " Mobile/21F90 [FBAN/FBIOS;FBAV/470.1.0.32.109;FBBV/618303763;FBDV/iPhone14,5]",
	    IPHONE " Mobile/21F90 Instagram 335.1.8.26.85 (iPhone14,5; iOS 17_5_1; ru_RU; ru; "
		   "scale=3.00; 1170x2532)",
	    ANDROID " Instagram 358.0.0.51.97 Android",
	    ANDROID " VKAndroidApp/8.52-17000 (Android 14; SDK 34; arm64-v8a; samsung SM-A546E; "
		    "ru; 2340x1080)",
	    ANDROID " OKApp/23.11.20",
	    ANDROID " Telegram-Android/11.4.2 (Samsung SM-A546E; Android 14; SDK 34; AVERAGE)",
	    IPHONE
	    " Version/17.5 Mobile/15E148 Safari/604.1 YaApp_iOS/2405.10 YaApp_iOS_Browser/2405.10",
	    "Mozilla/5.0 (Linux; arm_64; Android 13; M2101K6G) AppleWebKit/537.36 (KHTML, like "
	    "Gecko) Chrome/124.0.6367.172 YaBrowser/24.6.2.76.00 (alpha) SA/3 Mobile Safari/537.36 "
	    "YaApp_Android/24.62 YaSearchBrowser/24.62",
	    IPHONE " GSA/318.0.636742637 Mobile/15E148 Safari/604.1",
	    IPHONE " Mobile/15E148 Safari Line/14.9.1",
	    "Mozilla/5.0 (Linux; U; Android 13; ru-ru; 2201117TY Build/TKQ1.221114.001) "
	    "AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/112.0.5615.136 Mobile "
	    "Safari/537.36 XiaoMi/MiuiBrowser/14.9.0-gn",
	    IPHONE " Mobile/21F90 [Pinterest/iOS]",
	    IPHONE " Mobile/15E148 Twitter for iPhone/10.40",
	    IPHONE " Mobile/15E148 [LinkedInApp]/9.29.6034",
	    IPHONE " Mobile/15E148 Snapchat/12.88.0.31 (like Safari/8618.2.12.10.9, panda)",
	    ANDROID " trill_350103 BytedanceWebview/d8a21c6",
	    ANDROID " musical_ly_2023501030",
	    ANDROID " Viber/22.0",
	    ANDROID " MicroMessenger/8.0.49.2600",
	    ANDROID " KAKAOTALK/10.8.3",
	    "Mozilla/5.0 (Linux; Android 12; ELS-NX9; HMSCore 6.13.0.302) AppleWebKit/537.36 "
	    "(KHTML, like Gecko) Chrome/114.0.5735.196 HuaweiBrowser/15.0.4.312 Mobile "
	    "Safari/537.36",
	};
	struct agents *a = open_all();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(agents); i++) {
		if (agents_kind(a, slice_cstr(agents[i])) != AGENT_IN_APP)
			fail_msg("%s", agents[i]);
	}
	agents_close(a);
}

static void every_agent_has_its_kind(void **state)
{
	static const struct {
		enum agent_kind kind;
		const char *agent;
	} rows[] = {
	    {AGENT_EMPTY, " \t"},
	    {AGENT_OTHER, "x"},
	    {AGENT_OTHER, "\""},
	    {AGENT_BROWSER, "\"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_12_6) AppleWebKit/537.36 "
			    "(KHTML, like Gecko) Chrome/65.0.3312.0 Safari/537.36\""},
	    {AGENT_OTHER, "a webmaster's own word"},
	    {AGENT_BROWSER, "Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 (KHTML, "
			    "like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36"},
	    {AGENT_BROWSER, IPHONE " Version/17.5 Mobile/15E148 DuckDuckGo/7 Safari/605.1.15"},
	    {AGENT_BROWSER, "Opera/9.80 (J2ME/MIDP; Opera Mini/7.1.32052/191.318; U; ru) "
			    "Presto/2.12.423 Version/12.16"},
	    {AGENT_LIBRARY, "okhttp/4.12.0"},
	    {AGENT_LIBRARY, "python-requests/2.31.0"},
	    {AGENT_LIBRARY, "curl/8.4.0"},
	    {AGENT_LIBRARY, "Go-http-client/2.0"},
	    {AGENT_LIBRARY, "GuzzleHttp/7"},
	    {AGENT_LIBRARY, "MyBank/5.1 CFNetwork/1496.0.7 Darwin/23.5.0"},
	    {AGENT_LIBRARY, "Dalvik/2.1.0 (Linux; U; Android 14; SM-A546E Build/UP1A.231005.007)"},
	    {AGENT_CRAWLER, "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)"},
	    {AGENT_CRAWLER,
	     "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"},
	    {AGENT_CRAWLER, "TelegramBot (like TwitterBot)"},
	    {AGENT_AUTOMATION, "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like "
			       "Gecko) HeadlessChrome/120.0.0.0 Safari/537.36"},
	    {AGENT_AUTOMATION, "Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like "
			       "Gecko) PhantomJS/2.1.1 Safari/538.1"},
	    {AGENT_AUTOMATION, "selenium/4.16.0 (python linux) Selenium"},
	    {AGENT_AUTOMATION, "Mozilla/5.0 (X11; Linux x86_64) jsdom/22.1.0"},
	};
	struct agents *a = open_all();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum agent_kind kind = agents_kind(a, slice_cstr(rows[i].agent));

		if (kind != rows[i].kind)
			fail_msg("%s: " SLICE_FMT, rows[i].agent, SLICE_ARG(agent_kind_text(kind)));
	}
	agents_close(a);
}

static void to_open_and_to_ask_cost_little(void **state)
{
	static const char agent[] = ANDROID " [FB_IAB/FB4A;FBAV/490.0.0.57.109;]";
	double begin = now_us();
	struct agents *a = open_all();
	unsigned sum = 0;

	(void)state;
	print_message("opened in %.0f ms\n", (now_us() - begin) / 1e3);
	begin = now_us();
	for (int i = 0; i < 100000; i++)
		sum += agents_kind(a, slice_of(agent, sizeof(agent) - 1));
	print_message("%.3f us an agent\n", (now_us() - begin) / 100000);
	assert_int_equal(sum, 100000 * AGENT_IN_APP);
	agents_close(a);
}

static void expect_fault(const char *path, const char *text, const char *said)
{
	struct error error;
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_null(agents_open(NULL, path, &error));
	if (!strstr(error.text, said))
		fail_msg("expected to read \"%s\" in: %s", said, error.text);
}

static void a_fault_in_the_expressions_is_said(void **state)
{
	char path[] = "build/agents-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	expect_fault(path, "# own\nrobot x\n", ":2: expected a kind and an expression");
	expect_fault(path, "crawler\n", ":1: expected a kind and an expression");
	expect_fault(path, "browser x\n", ":1: expected a kind and an expression");
	expect_fault(path, "crawler a(b\n", "user agents: a(b: ");
	unlink(path);
	agents_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(browsers_are_people),
	    cmocka_unit_test(crawlers_are_found),
	    cmocka_unit_test(browsers_inside_apps_are_people),
	    cmocka_unit_test(every_agent_has_its_kind),
	    cmocka_unit_test(to_open_and_to_ask_cost_little),
	    cmocka_unit_test(a_fault_in_the_expressions_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
