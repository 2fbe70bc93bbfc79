"""The rule `std`: a file that names something of the standard library includes a header that has it, or one of the tree's
own that does. A precompiled header would hide that it does not."""

import re

from tree import Finding

# header -> what it has, by the names that this tree uses. A name may stand in several.
_HAS = {
    "algorithm": "adjacent_find all_of any_of binary_search clamp copy copy_if copy_n count count_if equal fill fill_n find "
                 "find_if find_if_not for_each is_sorted lower_bound max max_element min min_element minmax mismatch "
                 "none_of nth_element partial_sort pop_heap push_heap make_heap remove remove_if replace replace_if reverse "
                 "rotate search shuffle sort stable_partition stable_sort transform unique upper_bound",
    "array": "array to_array",
    "atomic": "atomic atomic_flag memory_order_acq_rel memory_order_acquire memory_order_relaxed memory_order_release "
              "memory_order_seq_cst",
    "barrier": "barrier",
    "bit": "bit_cast bit_ceil bit_floor countl_zero countr_zero endian has_single_bit popcount rotl rotr",
    "bitset": "bitset",
    "charconv": "chars_format from_chars to_chars",
    "chrono": "chrono chrono_literals",
    "cmath": "abs ceil copysign cos erf exp fabs floor fma fmod frexp ilogb isfinite isinf isnan ldexp log log1p log2 lround "
             "nan nanf nearbyint nextafter pow round signbit sin sqrt tanh",
    "concepts": "constructible_from convertible_to floating_point integral same_as signed_integral unsigned_integral",
    "condition_variable": "condition_variable",
    "csignal": "signal raise sig_atomic_t",
    "cstddef": "byte max_align_t nullptr_t ptrdiff_t to_integer",
    "cstdio": "FILE fclose ferror fflush fgetc fopen fprintf fputs fread fwrite printf rewind snprintf sscanf tmpfile",
    "cstdlib": "abort aligned_alloc atoi atol free getenv malloc strtod strtol strtoul strtoull",
    "cstring": "memchr memcmp memcpy memmove memset strchr strcmp strerror strlen",
    "ctime": "time tm time_t",
    "cwchar": "mbrtowc mbstate_t",
    "deque": "deque",
    "exception": "current_exception exception exception_ptr make_exception_ptr rethrow_exception terminate",
    "filesystem": "filesystem",
    "fstream": "ifstream ofstream",
    "functional": "function less less_equal greater equal_to hash",
    "future": "future future_status promise",
    "initializer_list": "initializer_list",
    "iostream": "cout cerr cin",
    "iterator": "back_inserter distance istreambuf_iterator prev next ssize",
    "limits": "numeric_limits",
    "list": "list",
    "map": "map multimap",
    "memory": "enable_shared_from_this make_shared make_unique shared_ptr unique_ptr weak_ptr",
    "mutex": "call_once lock_guard mutex once_flag scoped_lock unique_lock",
    "new": "align_val_t bad_alloc get_new_handler new_handler nothrow_t",
    "numbers": "numbers",
    "numeric": "accumulate gcd inner_product iota lcm reduce",
    "optional": "nullopt optional",
    "queue": "priority_queue queue",
    "random": "mt19937 mt19937_64 random_device uniform_int_distribution normal_distribution",
    "regex": "regex regex_match regex_replace smatch",
    "set": "multiset set",
    "span": "as_bytes as_writable_bytes span",
    "sstream": "istringstream ostringstream stringstream",
    "stdexcept": "invalid_argument logic_error out_of_range runtime_error",
    "string": "getline stoll stoul string to_string u32string",
    "string_view": "string_view u32string_view",
    "system_error": "error_code errc generic_category make_error_code system_error",
    "thread": "jthread thread this_thread",
    "tuple": "tie tuple",
    "unordered_map": "unordered_map unordered_multimap",
    "unordered_set": "unordered_set",
    "utility": "as_const exchange forward in_place move pair swap",
    "variant": "get_if holds_alternative monostate variant visit",
    "vector": "vector",
}
# What the standard says that a header includes, or that no implementation has apart from it.
_BRINGS = {
    "algorithm": "initializer_list utility", "charconv": "system_error", "array": "initializer_list", "bitset": "string", "deque": "initializer_list iterator",
    "fstream": "string", "iostream": "string", "map": "initializer_list iterator utility", "mutex": "chrono", "regex": "string",
    "condition_variable": "chrono mutex", "future": "chrono", "filesystem": "chrono string", "set": "initializer_list iterator utility",
    "span": "array cstddef iterator", "sstream": "string", "stdexcept": "exception string", "string": "initializer_list iterator string_view",
    "string_view": "iterator", "system_error": "string", "thread": "chrono", "tuple": "utility", "new": "exception",
    "unordered_map": "initializer_list iterator utility", "unordered_set": "initializer_list iterator", "variant": "utility",
    "optional": "utility", "vector": "initializer_list iterator", "memory": "utility", "functional": "utility",
    "gtest/gtest.h": "memory ostream string vector",
}
_HOMES = {}
for _header, _names in _HAS.items():
    for _name in _names.split():
        _HOMES.setdefault(_name, set()).add(_header)
_NAMED = re.compile(r"\bstd::(?:ranges::)?(\w+)")


def _with_what_they_bring(headers):
    todo, seen = list(headers), set()
    while todo:
        header = todo.pop()
        if header not in seen:
            seen.add(header)
            todo += _BRINGS.get(header, "").split()
    return seen


def _reached(tree, path, known):
    """The system's headers that a file includes, by itself or through the tree's own headers."""
    if path not in known:
        known[path] = set()  # an include circle is another rule's finding
        headers = set()
        for include in tree.files[path].includes:
            if include.system:
                headers.add(include.target)
            else:
                own = tree.resolve(include)
                headers |= _reached(tree, own, known) if own else set()
        known[path] = headers
    return known[path]


def check_std(tree, _rooms):
    known = {}
    for file in tree.cpp():
        if not file.path.endswith((".cc", ".h")):
            continue
        reached = _with_what_they_bring(_reached(tree, file.path, known))
        said = set()
        for match in _NAMED.finditer(file.code):
            homes = _HOMES.get(match[1], set())
            if homes and not homes & reached and match[1] not in said:
                said.add(match[1])
                line = file.code.count("\n", 0, match.start()) + 1
                yield Finding(file.path, line, "std", f"std::{match[1]} without <{'> or <'.join(sorted(homes))}>")


CHECKS = (check_std,)
