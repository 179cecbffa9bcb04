// A reader of pose.json that was written from tflite/RULES.md alone; its sections are named.

#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

using nlohmann::json;

struct Point {
    double x, y;
};

struct Region {
    double x, y, side;
};

struct Matrix {
    double a, b, c, d, e, f;

    Point operator()(Point at) const {
        return {a * at.x + b * at.y + c, d * at.x + e * at.y + f};
    }

    Matrix after(const Matrix& first) const {
        return {a * first.a + b * first.d, a * first.b + b * first.e,
                a * first.c + b * first.f + c, d * first.a + e * first.d,
                d * first.b + e * first.e, d * first.c + e * first.f + f};
    }

    Matrix inverse() const {
        const double area = a * e - b * d;
        return {e / area, -b / area, (b * f - c * e) / area,
                -d / area, a / area, (c * d - a * f) / area};
    }
};

// 1. The upright frame

struct Upright {
    Matrix matrix;
    int width, height;
};

inline Upright upright(int w, int h, int rotation, bool mirrored) {
    const double right = w - 1, bottom = h - 1;
    const std::map<int, Matrix> turns = {
        {0, {1, 0, 0, 0, 1, 0}},
        {90, {0, -1, bottom, 1, 0, 0}},
        {180, {-1, 0, right, 0, -1, bottom}},
        {270, {0, 1, 0, -1, 0, right}},
    };
    const bool turned = rotation % 180 != 0;
    Upright result{turns.at(rotation), turned ? h : w, turned ? w : h};
    if (mirrored) {
        Matrix& m = result.matrix;
        m.a = -m.a;
        m.b = -m.b;
        m.c = (result.width - 1) - m.c;
    }
    return result;
}

// 2. The crop

inline Matrix region_matrix(const Region& region, int size) {
    const double zoom = size / region.side, middle = (size - 1) / 2.0;
    return {zoom, 0, middle - zoom * region.x, 0, zoom, middle - zoom * region.y};
}

struct Frame {
    int width, height;
    std::vector<int> levels;

    float at(int x, int y, int channel) const {
        if (x < 0 || y < 0 || x >= width || y >= height) return 0;
        return float(levels[3 * (y * width + x) + channel]);
    }
};

inline float mix(float p, float q, float share) { return std::fma(share, q - p, p); }

inline std::vector<double> crop(const Frame& frame, const Matrix& matrix, int size) {
    const Matrix back = matrix.inverse();
    const auto from = [](double outer, int column, double inner, int row, double more) {
        return std::fma(float(outer), float(column), float(inner) * float(row) + float(more));
    };
    std::vector<double> levels;
    for (int row = 0; row < size; row++) {
        for (int column = 0; column < size; column++) {
            const float x = from(back.a, column, back.b, row, back.c);
            const float y = from(back.d, column, back.e, row, back.f);
            const int left = int(std::floor(x)), top = int(std::floor(y));
            for (int channel = 0; channel < 3; channel++) {
                const auto line = [&](int at) {
                    return mix(frame.at(left, at, channel), frame.at(left + 1, at, channel),
                               x - left);
                };
                levels.push_back(std::nearbyint(mix(line(top), line(top + 1), y - top)));
            }
        }
    }
    return levels;
}

// 3. Heatmaps to joints, 4. Somebody or nobody

struct Pose {
    std::vector<Point> joints;
    std::vector<double> scores;
};

inline Pose decode(const std::vector<float>& heatmaps, const json& contract) {
    const int height = contract["heatmaps"]["height"], width = contract["heatmaps"]["width"];
    const double stride = contract["heatmaps"]["stride"];
    const double floor = contract["decode"]["log_floor"], most = contract["decode"]["max_move"];
    const int count = int(heatmaps.size()) / (height * width);
    Pose pose;
    for (int joint = 0; joint < count; joint++) {
        const auto value = [&](int cell) { return heatmaps[cell * count + joint]; };
        int best = 0;
        for (int cell = 1; cell < height * width; cell++) {
            if (value(cell) > value(best)) best = cell;
        }
        const auto place = [&](int at, int length, int step) {
            double move = 0;
            if (at > 0 && at < length - 1) {
                const auto logarithm = [&](int cell) {
                    return std::log(std::max(double(value(cell)), floor));
                };
                const double l = logarithm(best - step), m = logarithm(best);
                const double r = logarithm(best + step), bend = l - 2 * m + r;
                if (bend < 0) move = std::clamp((l - r) / (2 * bend), -most, most);
            }
            return stride * (at + move) + (stride - 1) / 2;
        };
        pose.joints.push_back({place(best % width, width, 1), place(best / width, height, width)});
        pose.scores.push_back(value(best));
    }
    return pose;
}

inline bool somebody(const std::vector<double>& scores, const json& contract) {
    double sum = 0;
    for (const double score : scores) sum += score;
    return sum / double(scores.size()) >= contract["score"]["presence"].get<double>();
}

// 5. Smoothing

class Smoothing {
public:
    explicit Smoothing(const json& contract)
        : rule(contract["smoothing"]), threshold(contract["crop"]["threshold"]) {}

    void forget() {
        kept.clear();
        last.reset();
    }

    void smooth(Pose& pose, double seconds, double side) {
        if (last && seconds <= *last) forget();
        period = last ? seconds - *last : 0;
        last = seconds;
        for (std::size_t joint = 0; joint < pose.joints.size(); joint++) {
            Point& place = pose.joints[joint];
            if (pose.scores[joint] < threshold) {
                kept.erase(joint);
                continue;
            }
            const auto known = kept.find(joint);
            Point speed{0, 0};
            if (known != kept.end()) {
                const auto [before, old] = known->second;
                const double w = weight(rule["derivative_cutoff"]);
                speed = {w * (place.x - before.x) / period + (1 - w) * old.x,
                         w * (place.y - before.y) / period + (1 - w) * old.y};
                const double beta = rule["beta"], lowest = rule["min_cutoff"];
                const double v = weight(lowest + beta * std::hypot(speed.x, speed.y) / side);
                place = {v * place.x + (1 - v) * before.x, v * place.y + (1 - v) * before.y};
            }
            kept[joint] = {place, speed};
        }
    }

private:
    double weight(double cutoff) const {
        return 1 / (1 + 1 / (2 * std::acos(-1.0) * cutoff * period));
    }

    json rule;
    double threshold, period = 0;
    std::optional<double> last;
    std::map<std::size_t, std::pair<Point, Point>> kept;
};

// 6. The next region

inline Region next_region(const Pose& pose, int width, int height, const json& contract) {
    const json& rule = contract["crop"];
    const double longest = std::max(width, height);
    const Region whole{(width - 1) / 2.0, (height - 1) / 2.0, longest};
    const auto followed = [&](std::size_t joint) {
        return pose.scores[joint] >= rule["threshold"].get<double>();
    };
    const auto among = [&](const std::vector<std::size_t>& joints) {
        std::vector<Point> points;
        for (const std::size_t joint : joints) {
            if (followed(joint)) points.push_back(pose.joints[joint]);
        }
        return points;
    };
    const std::vector<std::size_t> hips = rule["hips"], shoulders = rule["shoulders"];
    if (among(hips).empty() || among(shoulders).empty()) return whole;
    const auto box = [](const std::vector<Point>& points) {
        const auto by_x = [](Point p, Point q) { return p.x < q.x; };
        const auto by_y = [](Point p, Point q) { return p.y < q.y; };
        const auto [left, right] = std::minmax_element(points.begin(), points.end(), by_x);
        const auto [top, bottom] = std::minmax_element(points.begin(), points.end(), by_y);
        return Region{(left->x + right->x) / 2, (top->y + bottom->y) / 2,
                      std::max(right->x - left->x, bottom->y - top->y)};
    };
    std::vector<std::size_t> all(pose.joints.size()), torso = hips;
    for (std::size_t joint = 0; joint < all.size(); joint++) all[joint] = joint;
    torso.insert(torso.end(), shoulders.begin(), shoulders.end());
    const Region body = box(among(all));
    const double side = std::max(rule["body_margin"].get<double>() * body.side,
                                 rule["torso_margin"].get<double>() * box(among(torso)).side);
    if (side < rule["smallest"].get<double>() || side > longest) return whole;
    return {body.x, body.y, side};
}

// 7. Search

inline std::vector<double> centres(int n, double side) {
    const double first = (side - 1) / 2, last = n - (side + 1) / 2;
    if (last <= first) return {(n - 1) / 2.0};
    const int count = int(std::ceil((last - first) / (side / 2))) + 1;
    std::vector<double> result;
    for (int i = 0; i < count; i++) result.push_back(first + (last - first) * i / (count - 1));
    return result;
}

inline std::vector<Region> squares(int width, int height, const json& contract) {
    const double longest = std::max(width, height);
    if (contract["crop"]["hips"].empty() || contract["crop"]["shoulders"].empty()) {
        return {{(width - 1) / 2.0, (height - 1) / 2.0, longest}};
    }
    std::vector<Region> places;
    for (const double share : contract["search"]["sides"]) {
        const double side = share * longest;
        for (const double y : centres(height, side)) {
            for (const double x : centres(width, side)) places.push_back({x, y, side});
        }
    }
    return places;
}

// 8. From frame to frame

class Track {
public:
    explicit Track(const json& contract)
        : contract(contract), size(contract["image"]["size"]), smoothing(contract) {}

    Region look(int w, int h) {
        if (w != width || h != height) {
            width = w;
            height = h;
            region.reset();
            smoothing.forget();
            place = 0;
        }
        if (region) return *region;
        const std::vector<Region> places = squares(width, height, contract);
        return places[place % places.size()];
    }

    std::optional<Pose> update(Pose pose, const Region& looked_at, double seconds) {
        if (!region) place++;
        if (!somebody(pose.scores, contract)) {
            region.reset();
            smoothing.forget();
            return {};
        }
        const Matrix back = region_matrix(looked_at, size).inverse();
        for (Point& joint : pose.joints) joint = back(joint);
        smoothing.smooth(pose, seconds, looked_at.side);
        region = next_region(pose, width, height, contract);
        return pose;
    }

private:
    json contract;
    int size, width = 0, height = 0;
    std::size_t place = 0;
    std::optional<Region> region;
    Smoothing smoothing;
};
