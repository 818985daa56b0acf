# Builds for 64-bit Windows on Linux, with Debian's mingw-w64. What comes out needs no runtime beside Windows itself;
# what has to run at build or test time runs under Wine.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
# The variant with POSIX threads: the other one has no std::thread.
set(CMAKE_C_COMPILER x86_64-w64-mingw32-gcc-posix)
set(CMAKE_CXX_COMPILER x86_64-w64-mingw32-g++-posix)
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)
set(CMAKE_FIND_ROOT_PATH /usr/x86_64-w64-mingw32)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)

# 64-bit Windows aligns the stack to 16 bytes and GCC takes it for aligned to 32 (its bug 54412): every move of an
# AVX register is therefore assembled as one that asks for no alignment, which costs nothing where it has one.
add_compile_options(-Wa,-muse-unaligned-vector-move)
foreach(kind EXE SHARED)
  set(CMAKE_${kind}_LINKER_FLAGS_INIT "-static -Wl,--no-insert-timestamp")
endforeach()
set(CMAKE_CROSSCOMPILING_EMULATOR wine)
