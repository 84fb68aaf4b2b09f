/* name_form: see name_form.h. */
#include "name_form.h"

#include "names.h"

/* By base, а to я; what Russian passports write, but for х, which is h here, and й and ы, which are i. */
static const char *const russian[CYRILLIC_BASES] = {
    "a", "b", "v", "g", "d", "e", "zh", "z",  "i",  "i",  "k", "l", "m", "n", "o",  "p",
    "r", "s", "t", "u", "f", "h", "ts", "ch", "sh", "sh", "",  "i", "",  "e", "iu", "ia"};

static uint8_t letter(char c)
{
	return (uint8_t)(c - 'a' + 1);
}

/* Letters that stand for the same sound go together, doubled ones are one, and a vowel's softness is left out before e. */
static void add_letter(struct name_word *w, char c)
{
	uint8_t *last = w->len > 0 ? &w->letters[w->len - 1] : NULL;
	uint8_t code;

	if (c == 'x') {
		add_letter(w, 'k');
		add_letter(w, 's');
		return;
	}
	c = (char)(c == 'y' || c == 'j' ? 'i' : c == 'w' ? 'v' : c == 'q' ? 'k' : c);
	code = letter(c);
	if (last && *last == code)
		return;
	if (last && *last == letter('i') && c == 'e') {
		*last = code;
		return;
	}
	if (w->len < NAME_LETTER_MAX)
		w->letters[w->len++] = code;
}

static bool ends_with(const struct name_word *w, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (w->len < len || w->letters[w->len - len + i] != letter(text[i]))
			return false;
	}
	return true;
}

/* kh is х, ck is k, tz is ц, shch and sch are щ, and so sh. */
static void join_letters(struct name_word *w)
{
	static const struct {
		const char *from, *to;
	} joined[] = {{"kh", "h"},    {"ck", "k"},   {"tz", "ts"},
		      {"shch", "sh"}, {"sch", "sh"}, {"ph", "f"}};

	for (size_t i = 0; i < ARRAY_LEN(joined); i++) {
		size_t len = strlen(joined[i].from);

		if (!ends_with(w, joined[i].from, len))
			continue;
		w->len -= len;
		for (const char *to = joined[i].to; *to; to++)
			add_letter(w, *to);
		return;
	}
}

void name_word_read(struct slice word, struct name_word *ret)
{
	uint32_t code;

	ret->len = 0;
	while (letters_next(&word, &code)) {
		unsigned script = letter_script(code), base = letter_base(code);

		if (base == 0)
			continue;
		if (script == SCRIPT_CYRILLIC) {
			for (const char *c = russian[base - 1]; *c; c++)
				add_letter(ret, *c);
		} else {
			add_letter(ret, (char)('a' + base - 1));
			join_letters(ret);
		}
	}
}

static bool is_same_word(const struct name_word *a, const struct name_word *b)
{
	return a->len == b->len && memcmp(a->letters, b->letters, a->len) == 0;
}

static void add_words(struct slice name, struct name_form *ret)
{
	struct slice text;
	unsigned scripts;

	while (ret->count < NAME_WORDS_MAX && letters_word(&name, &text, &scripts)) {
		struct name_word *w = &ret->words[ret->count];
		bool is_new = true;

		name_word_read(text, w);
		for (size_t i = 0; i < ret->count; i++)
			is_new &= !is_same_word(&ret->words[i], w);
		ret->count += w->len > 0 && is_new;
	}
}

static bool is_patronymic(const struct name_word *w)
{
	return ends_with(w, "ovich", 5) || ends_with(w, "evich", 5) || ends_with(w, "ovna", 4) ||
	       ends_with(w, "evna", 4) || ends_with(w, "ichna", 5);
}

static void drop_patronymic(struct name_form *f)
{
	for (size_t i = 1; i < f->count && f->count > 2; i++) {
		if (!is_patronymic(&f->words[i]))
			continue;
		memmove(&f->words[i], &f->words[i + 1], (f->count - i - 1) * sizeof(f->words[0]));
		f->count--;
		return;
	}
}

void name_form_read(const Punnet__V1__Contact *contact, struct name_form *ret)
{
	struct slice names[NAME_FIELDS];

	ret->count = 0;
	names_of(contact, names);
	add_words(names[NAME_FIRST], ret);
	add_words(names[NAME_LAST], ret);
	if (ret->count > 0)
		return;
	add_words(names[NAME_WHOLE], ret);
	drop_patronymic(ret);
}
