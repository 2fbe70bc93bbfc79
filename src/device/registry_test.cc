// Several devices of several backends, some of them broken.
#include "device/registry.h"

#include <gtest/gtest.h>

namespace gantry::device {
namespace {

class NoDevice final : public Device {
 public:
  explicit NoDevice(DeviceFacts facts) : facts_(std::move(facts)) {}
  const DeviceFacts& facts() const override { return facts_; }
  const Sizer& sizer() const override { throw Error(ErrorCode::kUnsupported, "no sizes"); }
  std::unique_ptr<Arena> new_arena(const std::string&, uint64_t, MemoryKind) override { return nullptr; }
  std::unique_ptr<Stream> new_stream() override { return nullptr; }
  std::unique_ptr<Event> new_event() override { return nullptr; }

 private:
  const DeviceFacts facts_;
};

// Devices by name; those that are broken say why.
class FakeBackend final : public Backend {
 public:
  FakeBackend(std::string name, std::vector<std::string> faults)
      : name_(std::move(name)), faults_(std::move(faults)) {}
  std::string_view name() const override { return name_; }
  std::vector<DeviceEntry> list(const OpenDeviceOptions&) const override {
    std::vector<DeviceEntry> entries(faults_.size());
    for (size_t i = 0; i < faults_.size(); ++i) {
      entries[i].facts.id = name_ + ":" + std::to_string(i);
      if (!faults_[i].empty()) entries[i].error = Error(ErrorCode::kDevice, faults_[i], entries[i].facts.id);
    }
    return entries;
  }
  std::shared_ptr<Device> open(uint32_t index, const OpenDeviceOptions& options) const override {
    return std::make_shared<NoDevice>(list(options)[index].facts);
  }
  std::vector<std::unique_ptr<Communicator>> connect(
      const std::vector<std::shared_ptr<Device>>&) const override {
    return {};
  }

 private:
  const std::string name_;
  const std::vector<std::string> faults_;
};

class RegistryOfFakes : public ::testing::Test {
 protected:
  RegistryOfFakes() {
    registry_.add(std::make_unique<FakeBackend>("gpu", std::vector<std::string>{"", "fell off the bus", ""}));
    registry_.add(std::make_unique<FakeBackend>("old", std::vector<std::string>{"needs a newer driver"}));
    registry_.add(std::make_unique<FakeBackend>("cpu", std::vector<std::string>{""}));
  }
  ErrorCode code_of(std::string_view id) const {
    try {
      registry_.open(id);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kInternal;
  }
  Registry registry_;
};

TEST_F(RegistryOfFakes, OneBrokenDeviceHidesNoOther) {
  const std::vector<DeviceEntry> all = registry_.list();
  std::string usable, broken;
  for (const DeviceEntry& entry : all) (entry.error ? broken : usable) += entry.facts.id + " ";
  EXPECT_EQ(usable, "gpu:0 gpu:2 cpu:0 ");
  EXPECT_EQ(broken, "gpu:1 old:0 ");
  EXPECT_EQ(registry_.open("gpu:2")->facts().id, "gpu:2");
  EXPECT_EQ(registry_.open("gpu")->facts().id, "gpu:0");
  EXPECT_EQ(registry_.open("cpu")->facts().id, "cpu:0");
}

TEST_F(RegistryOfFakes, WhoOpensABrokenOneIsToldWhy) {
  try {
    registry_.open("gpu:1");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kDevice);
    EXPECT_EQ(error.message(), "fell off the bus");
    EXPECT_EQ(error.where(), "gpu:1");
  }
  EXPECT_EQ(code_of("old"), ErrorCode::kDevice);
}

TEST_F(RegistryOfFakes, WhatIsNotThereIsAskedForInVain) {
  for (const char* id : {"gpu:3", "gpu:", "gpu:x", "gpu:0x", "gpu:99999999999", "tpu:0", ""})
    EXPECT_EQ(code_of(id), ErrorCode::kUsage) << id;
  try {
    registry_.open("gpu:7");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.mend().find("gpu:0, gpu:1, gpu:2, old:0, cpu:0"), std::string::npos) << error.mend();
  }
}

}  // namespace
}  // namespace gantry::device
