#include "judge.h"
bool judge(char *why, size_t len) { (void)why; (void)len; return true; }
uint64_t judge_digest(void) { return 0; }
