/* letters: see letters.h. */
#include "letters.h"

#define NO_CHARACTER 0xFFFFFFFFU

bool letters_next_any(struct slice *text, uint32_t *ret)
{
	const uint8_t *p = (const uint8_t *)text->data;
	size_t more;
	uint32_t code;

	if (text->len == 0)
		return false;
	more = p[0] < 0xC0 ? 0 : p[0] < 0xE0 ? 1 : p[0] < 0xF0 ? 2 : 3;
	code = more == 0 ? (p[0] < 0x80 ? p[0] : NO_CHARACTER) : p[0] & (0x3FU >> more);
	if (more >= text->len) {
		more = 0;
		code = NO_CHARACTER;
	}
	for (size_t i = 1; i <= more; i++)
		code = code << 6 | (p[i] & 0x3FU);
	*ret = code;
	*text = slice_of(text->data + more + 1, text->len - more - 1);
	return true;
}

unsigned letter_script_any(uint32_t code)
{
	if (code < 0x80)
		return (code | 0x20) - 'a' < LATIN_BASES ? SCRIPT_LATIN : 0;
	if (code >= 0x400 && code < 0x530)
		return code >= 0x482 && code < 0x48A ? 0 : SCRIPT_CYRILLIC;
	if (code < 0xC0 || code == 0xD7 || code == 0xF7)
		return 0;
	if (code < 0x2B0 || (code >= 0x1E00 && code < 0x1F00))
		return SCRIPT_LATIN;
	if (code >= 0x370 && code < 0x400)
		return SCRIPT_GREEK;
	if (code < 0x370 || (code >= 0x2000 && code < 0x2C00) || code >= 0xFE00)
		return 0; /* marks, punctuation and symbols, and what can't be read */
	return SCRIPT_OTHER;
}

bool letters_word(struct slice *text, struct slice *ret, unsigned *ret_scripts)
{
	struct slice rest = *text;
	const char *begin = NULL;
	uint32_t code;

	*ret_scripts = 0;
	for (struct slice at = rest; letters_next(&rest, &code); at = rest) {
		unsigned script = letter_script(code);

		if (script && !begin)
			begin = at.data;
		if (!script && begin) {
			*ret = slice_of(begin, (size_t)(at.data - begin));
			*text = rest;
			return true;
		}
		*ret_scripts |= script;
	}
	if (!begin)
		return false;
	*ret = slice_of(begin, (size_t)(rest.data - begin));
	*text = rest;
	return true;
}

static unsigned latin_base(char c)
{
	return c == '.' ? 0 : (unsigned)(c - 'a' + 1);
}

/* U+00C0 to U+017F, without their accents. */
static const char accented[] = "aaaaaaaceeeeiiiidnooooo.ouuuuytsaaaaaaaceeeeiiiidnooooo.ouuuuyty"
			       "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkkllllllll"
			       "llnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

static_assert(sizeof(accented) == 0x180 - 0xC0 + 1, "a letter each");

/* U+1EA0 to U+1EF9, which Vietnamese uses. */
static const char vietnamese[] = "aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeeeeeeeeeeeiiiio"
				 "ooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyy";

static_assert(sizeof(vietnamese) == 0x1EFA - 0x1EA0 + 1, "a letter each");

/* Letters of the Cyrillic script that Russian lacks, small ones, by their nearest Russian one. */
static const struct {
	uint16_t code, russian;
} cyrillic_more[] = {
    {0x451, 0x435}, {0x454, 0x435}, {0x456, 0x438}, {0x457, 0x438}, {0x45E, 0x443},
    {0x491, 0x433}, {0x493, 0x433}, {0x49B, 0x43A}, {0x4A3, 0x43D}, {0x4AF, 0x443},
    {0x4B1, 0x443}, {0x4BB, 0x445}, {0x4D9, 0x430}, {0x4E9, 0x43E}, {0x458, 0x439},
};

static unsigned cyrillic_base(uint32_t code)
{
	if (code >= 0x410 && code < 0x450)
		return ((code - 0x410) & 31) + 1;
	if (code < 0x410)
		code += 0x50;
	else if (code >= 0x48A)
		code |= 1;
	for (size_t i = 0; i < ARRAY_LEN(cyrillic_more); i++) {
		if (cyrillic_more[i].code == code)
			return cyrillic_more[i].russian - 0x430U + 1;
	}
	return 0;
}

static unsigned latin_base_beyond(uint32_t code)
{
	static const struct {
		uint16_t code;
		char base;
	} more[] = {{0x18F, 'e'}, {0x259, 'e'}, {0x1A0, 'o'}, {0x1A1, 'o'}, {0x1AF, 'u'},
		    {0x1B0, 'u'}, {0x218, 's'}, {0x219, 's'}, {0x21A, 't'}, {0x21B, 't'}};

	if (code >= 0x1EA0 && code < 0x1EFA)
		return latin_base(vietnamese[code - 0x1EA0]);
	for (size_t i = 0; i < ARRAY_LEN(more); i++) {
		if (more[i].code == code)
			return latin_base(more[i].base);
	}
	return 0;
}

unsigned letter_base_any(uint32_t code)
{
	switch (letter_script(code)) {
	case SCRIPT_LATIN:
		if (code < 0x80)
			return (code | 0x20) - 'a' + 1;
		if (code < 0x180)
			return latin_base(accented[code - 0xC0]);
		return latin_base_beyond(code);
	case SCRIPT_CYRILLIC:
		return cyrillic_base(code);
	default:
		return 0;
	}
}

size_t letters_bases(struct slice word, unsigned scripts, uint8_t ret[LETTERS_WORD_MAX])
{
	size_t len = 0;
	uint32_t code;

	if (scripts != SCRIPT_LATIN && scripts != SCRIPT_CYRILLIC)
		return 0;
	while (letters_next(&word, &code)) {
		unsigned base = letter_base(code);

		if (base == 0 || len == LETTERS_WORD_MAX)
			return 0;
		ret[len++] = (uint8_t)base;
	}
	return len;
}

size_t letters_folded(struct slice word, unsigned scripts, char ret[LETTERS_FOLDED_MAX])
{
	uint8_t bases[LETTERS_WORD_MAX];
	size_t letters = letters_bases(word, scripts, bases), len = 0;

	for (size_t i = 0; i < letters; i++) {
		unsigned code = 0x430U + bases[i] - 1;

		if (scripts == SCRIPT_LATIN) {
			ret[len++] = (char)('a' + bases[i] - 1);
			continue;
		}
		ret[len++] = (char)(0xC0 | code >> 6);
		ret[len++] = (char)(0x80 | (code & 0x3F));
	}
	return len;
}

/* Letters that look the same; 0: the script has none. */
static const struct {
	char latin;
	uint16_t cyrillic, greek;
} twins[] = {
    {'a', 0x430, 0x3B1}, {'c', 0x441, 0},     {'d', 0x501, 0},     {'e', 0x435, 0},
    {'h', 0x4BB, 0},     {'i', 0x456, 0x3B9}, {'j', 0x458, 0x3F3}, {'l', 0x4CF, 0},
    {'o', 0x43E, 0x3BF}, {'p', 0x440, 0x3C1}, {'q', 0x51B, 0},     {'s', 0x455, 0},
    {'u', 0, 0x3C5},     {'v', 0x475, 0x3BD}, {'w', 0x51D, 0},     {'x', 0x445, 0},
    {'y', 0x443, 0x3B3}, {'A', 0x410, 0x391}, {'B', 0x412, 0x392}, {'C', 0x421, 0x3F9},
    {'E', 0x415, 0x395}, {'G', 0x50C, 0},     {'H', 0x41D, 0x397}, {'I', 0x406, 0x399},
    {'J', 0x408, 0x37F}, {'K', 0x41A, 0x39A}, {'M', 0x41C, 0x39C}, {'N', 0, 0x39D},
    {'O', 0x41E, 0x39F}, {'P', 0x420, 0x3A1}, {'S', 0x405, 0},     {'T', 0x422, 0x3A4},
    {'X', 0x425, 0x3A7}, {'Y', 0x423, 0x3A5}, {'Z', 0, 0x396},
};

unsigned letter_twins(uint32_t code)
{
	unsigned own = letter_script(code), all = 0;

	for (size_t i = 0; i < ARRAY_LEN(twins); i++) {
		if (code != (uint32_t)twins[i].latin && code != twins[i].cyrillic &&
		    code != twins[i].greek)
			continue;
		all |= SCRIPT_LATIN | (twins[i].cyrillic ? SCRIPT_CYRILLIC : 0) |
		       (twins[i].greek ? SCRIPT_GREEK : 0);
	}
	return all & ~own;
}
