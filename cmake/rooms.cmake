# The rooms of the house: one static library `gantry_<room>` for each folder under src/, its tests in one program
# `<room>_test`. The edges below are the only includes allowed between rooms; tools/tidy reads the same table.
enable_testing()
option(GANTRY_FUZZ "build the fuzz targets (clang only)" OFF)

add_library(gantry_flags INTERFACE)
target_include_directories(gantry_flags INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR})
target_compile_options(
  gantry_flags
  INTERFACE -Wall
            -Wextra
            -Wpedantic
            -Werror
            -Wshadow
            -Wconversion
            -Wsign-conversion
            -Wold-style-cast
            -Wnon-virtual-dtor
            -Woverloaded-virtual
            -Wimplicit-fallthrough
            -Wswitch-enum
            -Wundef
            -ffp-contract=off
            -fno-math-errno
            -fvisibility=hidden)
target_link_libraries(gantry_flags INTERFACE Threads::Threads fmt::fmt)

# gantry_room(NAME dep...): a library from every .cc in src/NAME, a test program from every *_test.cc there.
function(gantry_room name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "/(main|counted_new)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(TRANSFORM ARGN PREPEND gantry_ OUTPUT_VARIABLE deps)
  if(sources)
    add_library(gantry_${name} STATIC ${sources})
    target_link_libraries(gantry_${name} PUBLIC gantry_flags ${deps})
  else()
    add_library(gantry_${name} INTERFACE)
    target_link_libraries(gantry_${name} INTERFACE gantry_flags ${deps})
  endif()
  if(tests)
    gantry_test(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE gantry_${name})
  endif()
endfunction()

# gantry_test(NAME source...): a GoogleTest program that ctest runs as one test. Data of ../shared is found through
# GANTRY_SHARED; a test whose data is absent skips and says so. The tests' own sources are optimised less than what they
# test: compiling them is a good part of a build, running them is not.
function(gantry_test name)
  add_executable(${name} ${ARGN})
  # g++ at this level takes a test's own operator new and delete for a pair that does not match.
  target_compile_options(${name} PRIVATE $<$<NOT:$<CONFIG:Debug>>:-O1>
                                         $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>)
  target_link_libraries(${name} PRIVATE gantry_flags GTest::gtest GTest::gtest_main)
  if(CMAKE_CXX_FLAGS MATCHES "-fsanitize=thread")
    # A test's own operator new comes before the sanitizer's.
    target_link_options(${name} PRIVATE -Wl,--allow-multiple-definition)
  endif()
  target_compile_definitions(${name} PRIVATE GANTRY_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES TIMEOUT 900)
endfunction()
