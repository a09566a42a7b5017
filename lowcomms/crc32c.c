/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lowcomms/crc32c.h"

#include <stdatomic.h>

#include "proto/wire.h"

#define POLYNOMIAL 0x82f63b78u	/* of Castagnoli, the lowest bit first */

static uint32_t by_bits(uint32_t crc, const uint8_t *p, size_t n)
{
	for (; n; p++, n--) {
		crc ^= *p;
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
	}
	return crc;
}

#if defined __x86_64__
#include <cpuid.h>

__attribute__((target("sse4.2")))
static uint32_t by_words(uint32_t crc, const uint8_t *p, size_t n)
{
	uint64_t sum = crc;

	for (; n >= 8; p += 8, n -= 8)
		sum = __builtin_ia32_crc32di(sum, get_le64(p));
	return n ? __builtin_ia32_crc32si((uint32_t)sum, get_le32(p)) : (uint32_t)sum;
}

static bool has_instruction(void)
{
	unsigned eax, ebx, ecx, edx;

	return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && ecx & bit_SSE4_2;
}

#elif defined __aarch64__
#include <sys/auxv.h>

__attribute__((target("+crc")))
static uint32_t by_words(uint32_t crc, const uint8_t *p, size_t n)
{
	for (; n >= 8; p += 8, n -= 8)
		crc = __builtin_aarch64_crc32cx(crc, get_le64(p));
	return n ? __builtin_aarch64_crc32cw(crc, get_le32(p)) : crc;
}

static bool has_instruction(void)
{
	return getauxval(AT_HWCAP) & HWCAP_CRC32;
}

#else

static uint32_t by_words(uint32_t crc, const uint8_t *p, size_t n)
{
	return by_bits(crc, p, n);
}

static bool has_instruction(void)
{
	return false;
}

#endif

/* In a virtual machine the question takes longer than many sums. */
bool crc32c_is_fast(void)
{
	static _Atomic int known;	/* 1: yes, -1: no, 0: not asked yet */
	int is = atomic_load_explicit(&known, memory_order_relaxed);

	if (!is) {
		is = has_instruction() ? 1 : -1;
		atomic_store_explicit(&known, is, memory_order_relaxed);
	}
	return is == 1;
}

uint32_t crc32c(const void *p, size_t n)
{
	/* Packets of SCTP have a multiple of four bytes. */
	size_t n_fast = crc32c_is_fast() ? n & ~(size_t)3 : 0;
	uint32_t crc = by_words(~0u, p, n_fast);

	return ~by_bits(crc, (const uint8_t *)p + n_fast, n - n_fast);
}
