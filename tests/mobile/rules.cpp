// Holds rules.hpp to a golden.json: its name is the one argument.

#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>

#include "rules.hpp"

using Numbers = std::vector<double>;

void near(const std::string& what, const Numbers& received, const Numbers& expected,
          double tolerance) {
    if (received.size() != expected.size()) throw std::runtime_error(what + ": how many");
    for (std::size_t i = 0; i < expected.size(); i++) {
        if (std::abs(received[i] - expected[i]) <= tolerance) continue;
        throw std::runtime_error(what + ": number " + std::to_string(i) + ": expected " +
                                 std::to_string(expected[i]) + ". Received: " +
                                 std::to_string(received[i]));
    }
}

Numbers listed(const std::vector<Point>& points) {
    Numbers numbers;
    for (const Point& point : points) numbers.insert(numbers.end(), {point.x, point.y});
    return numbers;
}

Numbers listed(const Region& region) { return {region.x, region.y, region.side}; }

Numbers listed(const Matrix& m) { return {m.a, m.b, m.c, m.d, m.e, m.f}; }

Numbers flat(const json& rows) {
    Numbers numbers;
    for (const json& row : rows) {
        for (const double number : row) numbers.push_back(number);
    }
    return numbers;
}

std::vector<Point> points(const json& rows) {
    std::vector<Point> result;
    for (const json& row : rows) result.push_back({row[0], row[1]});
    return result;
}

void decoding(const json& golden, const json& contract) {
    const double tolerance = 1e-4 * contract["image"]["size"].get<double>();
    for (const json& one : golden["decode"]) {
        const Pose pose = decode(one["heatmaps"].get<std::vector<float>>(), contract);
        near("decode: joints", listed(pose.joints), flat(one["joints"]), tolerance);
        near("decode: scores", pose.scores, one["scores"], 1e-6);
    }
}

void cropping(const json& golden, const json&) {
    const json& all = golden["crop"];
    const Frame frame{all["width"], all["height"], all["levels"]};
    const int size = all["size"];
    for (const json& view : all["views"]) {
        const json& at = view["region"];
        const Upright turned =
            upright(frame.width, frame.height, view["rotation"], view["mirrored"]);
        const Matrix matrix = region_matrix({at[0], at[1], at[2]}, size).after(turned.matrix);
        near("crop: matrix", listed(matrix), view["matrix"], 1e-9);
        near("crop: levels", crop(frame, matrix, size), view["levels"], 0);
    }
}

void regions(const json& golden, const json& contract) {
    for (const json& one : golden["regions"]) {
        const Pose pose{points(one["joints"]), one["scores"]};
        const Region region = next_region(pose, one["width"], one["height"], contract);
        near("regions", listed(region), one["region"], 1e-6);
    }
}

void searching(const json& golden, const json& contract) {
    for (const json& one : golden["squares"]) {
        Numbers places;
        for (const Region& place : squares(one["width"], one["height"], contract)) {
            for (const double number : listed(place)) places.push_back(number);
        }
        near("squares", places, flat(one["regions"]), 1e-6);
        for (const char* part : {"hips", "shoulders"}) {
            json torsoless = contract;
            torsoless["crop"][part] = json::array();
            const std::vector<Region> one_place =
                squares(one["width"], one["height"], torsoless);
            near("squares: how many", {double(one_place.size())}, {1}, 0);
            near("squares: the whole", listed(one_place[0]), one["regions"][0], 0);
        }
    }
}

void tracking(const json& golden, const json& contract) {
    const int size = contract["image"]["size"], height = contract["heatmaps"]["height"];
    const int width = contract["heatmaps"]["width"];
    Track track(contract);
    int number = 0;
    for (const json& frame : golden["track"]) {
        const std::string what = "track: frame " + std::to_string(number++) + ": ";
        const Upright turned =
            upright(frame["width"], frame["height"], frame["rotation"], frame["mirrored"]);
        const double tolerance = 1e-4 * std::max(turned.width, turned.height);
        const Region region = track.look(turned.width, turned.height);
        near(what + "region", listed(region), frame["region"], tolerance);
        const Matrix matrix = region_matrix(region, size).after(turned.matrix);
        near(what + "matrix", listed(matrix), frame["matrix"], 1e-3);
        std::vector<float> heatmaps(height * width * contract["joints"].size());
        for (std::size_t i = 0; i < frame["cells"].size(); i++) {
            heatmaps[frame["cells"][i].get<int>()] = frame["codes"][i].get<float>() / 255;
        }
        const auto pose = track.update(decode(heatmaps, contract), region, frame["seconds"]);
        if (pose.has_value() == frame["joints"].is_null()) {
            throw std::runtime_error(what + "somebody or nobody");
        }
        if (!pose) continue;
        near(what + "joints", listed(pose->joints), flat(frame["joints"]), tolerance);
        near(what + "scores", pose->scores, frame["scores"], 1e-6);
    }
}

int main(int, char** arguments) {
    std::ifstream file(arguments[1]);
    const json golden = json::parse(file);
    int passed = 0;
    for (const auto test : {decoding, cropping, regions, searching, tracking}) {
        try {
            test(golden, golden["contract"]);
            passed++;
        } catch (const std::exception& error) {
            std::cerr << error.what() << "\n";
        }
    }
    std::cout << passed << " golden tests passed\n";
    return passed == 5 ? 0 : 1;
}
