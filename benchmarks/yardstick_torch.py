"""The yardstick: the paper's networks and training step, written plainly in PyTorch.

The stacked hourglass of `fpd_tf.models.hourglass`, layer for layer, and one step of
fast pose distillation as the authors' repository takes it: eager, Adam at 2.5e-4, the
teacher's forward pass in every step, both terms summed over the student's stacks and
masked by the joint weights. PyTorch is no part of the package.

B batch, S input size, H = W = S / 4, K joints.
"""

import os

import torch
from torch import nn
from torch.nn import functional

LEARNING_RATE = 2.5e-4

torch.set_num_threads(os.cpu_count())


class Hourglass(nn.Module):
    """Stacked hourglasses: (B, 3, S, S) images to a list of (B, K, H, W) heatmaps."""

    def __init__(self, num_stacks=8, num_features=256, num_joints=16, stem_width=64):
        super().__init__()
        stem, width = stem_width, num_features
        self.stem = nn.Sequential(
            nn.Conv2d(3, stem, 7, stride=2, padding=3),
            nn.BatchNorm2d(stem),
            nn.ReLU(),
            Residual(stem, 2 * stem),
            nn.MaxPool2d(2),
            Residual(2 * stem, 2 * stem),
            Residual(2 * stem, width),
        )
        self.bodies = nn.ModuleList(
            nn.Sequential(
                Level(width, depth=4),
                Residual(width, width),
                nn.Conv2d(width, width, 1),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            )
            for _ in range(num_stacks)
        )
        self.scores = _convolutions(num_stacks, width, num_joints)
        self.from_features = _convolutions(num_stacks - 1, width, width)
        self.from_scores = _convolutions(num_stacks - 1, num_joints, width)

    def forward(self, images):
        x, heatmaps = self.stem(4 * images - 2), []
        for stack, (body, score) in enumerate(
            zip(self.bodies, self.scores, strict=True)
        ):
            features = body(x)
            heatmaps.append(score(features))
            if stack < len(self.from_features):
                again = self.from_scores[stack](heatmaps[-1])
                x = x + self.from_features[stack](features) + again
        return heatmaps


class Level(nn.Module):
    """One halving of an hourglass, and all that are inside it."""

    def __init__(self, width, depth):
        super().__init__()
        self.up = Residual(width, width)
        self.low = nn.Sequential(
            nn.MaxPool2d(2),
            Residual(width, width),
            Level(width, depth - 1) if depth > 1 else Residual(width, width),
            Residual(width, width),
        )

    def forward(self, x):
        low = functional.interpolate(self.low(x), scale_factor=2, mode="nearest")
        return self.up(x) + low


class Residual(nn.Module):
    """Pre-activation bottleneck, added to the identity."""

    def __init__(self, inputs, outputs):
        super().__init__()
        inner = outputs // 2
        self.branch = nn.Sequential(
            *(nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, inner, 1)),
            *(nn.BatchNorm2d(inner), nn.ReLU(), nn.Conv2d(inner, inner, 3, padding=1)),
            *(nn.BatchNorm2d(inner), nn.ReLU(), nn.Conv2d(inner, outputs, 1)),
        )
        same = inputs == outputs
        self.skip = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x):
        return self.skip(x) + self.branch(x)


class Step:
    """A training step of a student, with a teacher in it or alone.

    Args:
        student: of the network to train, what `hourglass` takes.
        teacher: of the trained network, likewise; None for ground truth alone.
        weight: of the teacher's term (the paper's alpha).
    """

    def __init__(self, student: dict, teacher: dict | None = None, weight=0.5):
        self.student, self.weight = hourglass(**student).train(), weight
        self.teacher = hourglass(**teacher).eval() if teacher else None
        self.optimizer = torch.optim.Adam(self.student.parameters(), lr=LEARNING_RATE)

    def __call__(self, images, heatmaps, joint_weights) -> float:
        """One step on (B, 3, S, S), (B, K, H, W) and (B, K); gives the loss."""
        stacks = self.student(images)
        truth = sum(_masked_mse(maps, heatmaps, joint_weights) for maps in stacks)
        loss = truth
        if self.teacher:
            with torch.no_grad():
                soft = self.teacher(images)[-1]
            taught = sum(_masked_mse(maps, soft, joint_weights) for maps in stacks)
            loss = self.weight * taught + (1 - self.weight) * truth
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()


def hourglass(num_stacks: int, num_features: int, parameters: int) -> Hourglass:
    """A network that must have so many parameters: the preset's own count."""
    network = Hourglass(num_stacks, num_features)
    counted = sum(each.numel() for each in network.parameters())
    assert counted == parameters, f"{counted} parameters, the preset has {parameters}"
    return network


def random_batch(count: int, size: int, joints: int = 16) -> list[torch.Tensor]:
    """Images, heatmaps and joint weights, in memory."""
    maps = (count, joints, size // 4, size // 4)
    shapes = (count, 3, size, size), maps, (count, joints)
    return [torch.rand(shape) for shape in shapes]


def _masked_mse(maps, target, joint_weights):
    """Half the mean squared difference, masked joint by joint."""
    mask = joint_weights[:, :, None, None]
    return 0.5 * torch.mean(torch.square((maps - target) * mask))


def _convolutions(count, inputs, outputs):
    return nn.ModuleList(nn.Conv2d(inputs, outputs, 1) for _ in range(count))
