// digit_patterns: regular expressions over digits, many of them in one automaton, run all at once.
//
// The subset that numbering plans are written in: digits, \d, [...], groups, |, ?, *, +, {n}, {n,m}. A pattern matches from
// the first digit. Anything else in a pattern throws std::invalid_argument: better no table than a wrong one.
#ifndef PUNNET_DIGIT_PATTERNS_H
#define PUNNET_DIGIT_PATTERNS_H

#include <cstdint>
#include <set>
#include <string>
#include <vector>

class DigitPatterns
{
      public:
	using States = std::vector<int>; // sorted: a state of the deterministic automaton

	// The digits so far, as a whole, match the pattern: the tag is heard.
	void Match(const std::string &pattern, int tag);
	// Some beginning of the digits matches.
	void MatchBeginning(const std::string &pattern, int tag);
	// A beginning that is not empty matches the first pattern, and the rest, as a whole, the second, or has one of the
	// lengths (bit n: n digits).
	void MatchBoth(const std::string &first, const std::string &second, int tag);
	void MatchThenLength(const std::string &first, uint32_t lengths, int tag);

	States Begin() const;
	States Step(const States &states, int digit) const;
	std::set<int> Tags(const States &states) const;

      private:
	struct Node;
	class Reader;
	struct State {
		enum Kind { kDigits, kSplit, kBridge, kAccept } kind;
		uint16_t digits;
		int next, other;
	};

	int Add(State state);
	int Accept(int tag);
	int Build(const Node &node, int next);
	int BuildRepeat(const Node &node, int next);
	States Kept(const std::set<int> &all) const;
	void Close(int state, bool over_bridges, std::set<int> *into) const;

	std::vector<State> states_;
	std::vector<int> begins_;
};

#endif
